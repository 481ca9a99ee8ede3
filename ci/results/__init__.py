"""The objects that functions return: fields to chain, and a summary in Markdown."""

from ci.results.checks import LintReport, TestReport
from ci.results.findings import Findings
from ci.results.releases import DeployReport, Environments, History, Packaged, Release
from ci.results.settings import EffectiveSettings
from ci.results.targets import Deployment, EnvironmentStatus, SecretList, Verification

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
    "SecretList",
    "TestReport",
    "Verification",
]
