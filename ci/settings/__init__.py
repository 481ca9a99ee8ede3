"""`pipeline.toml` as typed settings."""

from ci.settings.app import App, Images, Registry, Tests
from ci.settings.approvals import Approvals
from ci.settings.environment import Edge, Environment, Health, Logs, Resources, Target, Update, Verify
from ci.settings.freeze_windows import FreezeWindow
from ci.settings.github import Github
from ci.settings.hosts import Host
from ci.settings.lint import Lint
from ci.settings.people import Person, Signing, find_person, people_with_role
from ci.settings.problems import FILE, SettingsError
from ci.settings.settings import Settings

__all__ = [
    "FILE",
    "App",
    "Approvals",
    "Edge",
    "Environment",
    "FreezeWindow",
    "Github",
    "Health",
    "Host",
    "Images",
    "Lint",
    "Logs",
    "Person",
    "Registry",
    "Resources",
    "Settings",
    "SettingsError",
    "Signing",
    "Target",
    "Tests",
    "Update",
    "Verify",
    "find_person",
    "people_with_role",
]
