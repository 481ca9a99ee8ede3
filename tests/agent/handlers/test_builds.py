"""What a build is called."""

import pytest

from ci.agent.checkout import Checkout
from ci.settings import Settings
from ci.stages.version import Version, _derived, _inputs

TEXT = """
[app]
name = "shop"
module = "shop"

[registry]
repository = "localhost:5000/shop"

[environments.dev]
kind = "dev"
"""
CLEAN = Checkout(sources="5" * 64, commit="c" * 40, author="author@example.org")


@pytest.mark.parametrize(
    ("checkout", "name"),
    [
        (CLEAN, "cccccccccccc"),
        (CLEAN.model_copy(update={"tags": ("v1.4.2",)}), "v1.4.2"),
        (CLEAN.model_copy(update={"tags": ("v1.9", "v1.10")}), "v1.10"),
        (CLEAN.model_copy(update={"tags": ("release/7",)}), "cccccccccccc"),
        (CLEAN.model_copy(update={"dirty": True}), "cccccccccccc-dirty-01234567"),
        (CLEAN.model_copy(update={"dirty": True, "tags": ("v1.4.2",)}), "v1.4.2-dirty-01234567"),
        (Checkout(sources="5" * 64), "dev-dirty-01234567"),
    ],
)
def test_a_checkout_has_a_name(checkout: Checkout, name: str) -> None:
    assert _derived(checkout, "0123456789" * 6) == name


def test_only_what_is_in_no_commit_is_dirty() -> None:
    assert not Version("1", "", CLEAN).dirty
    assert Version("1", "", CLEAN.model_copy(update={"dirty": True})).dirty
    assert Version("1", "", Checkout(sources="5" * 64)).dirty


def test_inputs_are_what_the_image_depends_on() -> None:
    inputs = _inputs(Settings.parse(TEXT), CLEAN)
    assert inputs == _inputs(Settings.parse(TEXT, ["app.tests.unit=others", "environments.dev.replicas=5"]), CLEAN)
    assert inputs != _inputs(Settings.parse(TEXT, ["app.port=9000"]), CLEAN)
    assert inputs != _inputs(Settings.parse(TEXT, ["images.python=python:3.14-slim"]), CLEAN)
    assert inputs != _inputs(Settings.parse(TEXT), CLEAN.model_copy(update={"sources": "6" * 64}))
