"""The rotation of containers' logs, as the settings say."""

from pathlib import Path

import pytest

from ci.settings import Settings, SettingsError
from ci.targets.stack import Stack
from ci.targets.swarm import specs

FILE = (Path(__file__).parents[2] / "pipeline.toml").read_text()
REFERENCE = specs.Reference("id", "name")


def templates(*overrides: str) -> list[specs.Spec]:
    """Return the templates of a release, an edge and a database."""
    stack = Stack.of(Settings.parse(FILE, overrides), "dev")
    described = (
        specs.release(stack, "image", "1.0", []),
        specs.edge_service(stack, "image", REFERENCE, {}),
        specs.database(stack, "image", REFERENCE),
    )
    return [spec["TaskTemplate"] for spec in described]


def test_size_and_number_of_files_are_settings() -> None:
    changed = templates("environments.dev.logs.max_size=1MiB", "environments.dev.logs.max_file=2")
    expected = {"Name": "json-file", "Options": {"max-size": "1048576", "max-file": "2"}}
    assert [template["LogDriver"] for template in changed] == [expected] * 3


def test_no_file_leaves_the_rotation_to_the_node() -> None:
    assert not [template for template in templates("environments.dev.logs.max_file=0") if "LogDriver" in template]


def test_size_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"environments\.dev\.logs\.max_size: must be at least 64KiB, like 10MiB"):
        Settings.parse(FILE, ["environments.dev.logs.max_size=0B"])
