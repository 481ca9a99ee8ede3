"""`pipeline.toml` as typed settings."""

from ci.settings.app import App, Images, Registry, Tests
from ci.settings.environment import Edge, Environment, Health, Resources, Target, Update, Verify
from ci.settings.problems import FILE, SettingsError
from ci.settings.settings import Settings

__all__ = [
    "FILE",
    "App",
    "Edge",
    "Environment",
    "Health",
    "Images",
    "Registry",
    "Resources",
    "Settings",
    "SettingsError",
    "Target",
    "Tests",
    "Update",
    "Verify",
]
