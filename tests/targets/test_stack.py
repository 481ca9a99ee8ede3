"""The part of the settings that a target needs."""

from pathlib import Path

import pytest

from ci.settings import Settings, SettingsError
from ci.targets.stack import Stack


def test_settings_of_the_project_describe_stacks() -> None:
    settings = Settings.parse((Path(__file__).parents[2] / "pipeline.toml").read_text())
    names = [Stack.of(settings, name).namespace for name in settings.environments]
    assert names == ["orders-dev", "orders-acceptance", "orders-production"]
    with pytest.raises(SettingsError, match="no such environment"):
        Stack.of(settings, "nowhere")
