"""`pipeline.toml` as typed settings."""

from ci.settings.app import App, Images, Registry, Tests
from ci.settings.environment import Edge, Environment, Health, Resources, Target, Update, Verify
from ci.settings.github import Github
from ci.settings.guards import Approvals, Freeze
from ci.settings.hosts import Host
from ci.settings.people import Person, Release, known_as, with_role
from ci.settings.problems import FILE, SettingsError
from ci.settings.settings import Settings

__all__ = [
    "FILE",
    "App",
    "Approvals",
    "Edge",
    "Environment",
    "Freeze",
    "Github",
    "Health",
    "Host",
    "Images",
    "Person",
    "Registry",
    "Release",
    "Resources",
    "Settings",
    "SettingsError",
    "Target",
    "Tests",
    "Update",
    "Verify",
    "known_as",
    "with_role",
]
