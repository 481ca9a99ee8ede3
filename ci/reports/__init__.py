"""What functions return when they report: fields to chain and a summary in Markdown."""

from ci.reports.checks import LintReport, TestReport
from ci.reports.findings import Findings
from ci.reports.releases import DeployReport, Environments, History, Packaged, Release
from ci.reports.settings import EffectiveSettings
from ci.reports.targets import Deployment, EnvironmentStatus, Secrets, Verification

__all__ = [
    "DeployReport",
    "Deployment",
    "EffectiveSettings",
    "EnvironmentStatus",
    "Environments",
    "Findings",
    "History",
    "LintReport",
    "Packaged",
    "Release",
    "Secrets",
    "TestReport",
    "Verification",
]
