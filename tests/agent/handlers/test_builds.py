"""The version of a checkout, and the inputs of its build."""

from pathlib import Path

import pytest

from ci.agent.checkout import Checkout
from ci.agent.dispatch import respond
from ci.agent.handlers.builds import _derived_version, _inputs
from ci.agent.home import RULES, Home, Rules
from ci.agent.protocol.requests import Identify
from ci.agent.protocol.responses import Refused
from ci.settings import Settings

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
    ("checkout", "version"),
    [
        (CLEAN, "cccccccccccc"),
        (CLEAN.model_copy(update={"tags": ("v1.4.2",)}), "v1.4.2"),
        (CLEAN.model_copy(update={"tags": ("v1.9", "v1.10")}), "v1.10"),
        (CLEAN.model_copy(update={"tags": ("release/7",)}), "cccccccccccc"),
        (CLEAN.model_copy(update={"tags": ("ledger-1", "tests-2", "agent-3")}), "cccccccccccc"),
        (CLEAN.model_copy(update={"dirty": True}), "cccccccccccc-dirty-01234567"),
        (CLEAN.model_copy(update={"dirty": True, "tags": ("v1.4.2",)}), "v1.4.2-dirty-01234567"),
        (Checkout(sources="5" * 64), "dev-dirty-01234567"),
    ],
)
def test_checkout_has_a_version(checkout: Checkout, version: str) -> None:
    assert _derived_version(checkout, "0123456789" * 6) == version


async def test_reserved_version_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / RULES).write_text(Rules(settings=Settings.parse(TEXT)).model_dump_json())
    response = await respond(Home(tmp_path), Identify(version="ledger-foo"))
    assert isinstance(response, Refused)
    assert response.message.startswith("version ledger-foo: ledger-… is reserved for records of the ledger")


def test_inputs_are_what_the_image_depends_on() -> None:
    inputs = _inputs(Settings.parse(TEXT), CLEAN)
    assert inputs == _inputs(Settings.parse(TEXT, ["app.tests.unit=others", "environments.dev.replicas=5"]), CLEAN)
    assert inputs != _inputs(Settings.parse(TEXT, ["app.port=9000"]), CLEAN)
    assert inputs != _inputs(Settings.parse(TEXT, ["images.python=python:3.14-slim"]), CLEAN)
    assert inputs != _inputs(Settings.parse(TEXT), CLEAN.model_copy(update={"sources": "6" * 64}))
