"""The version of a checkout, and the inputs of its build."""

import subprocess
from pathlib import Path

import pytest

from ci.agent.checkout import Checkout
from ci.agent.dispatch import respond
from ci.agent.handlers.builds import _derived_version, _inputs, _read_service
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


def test_package_of_the_repository_is_a_part_of_the_service(tmp_path: Path) -> None:
    library = tmp_path / "libs/common/a.py"
    library.parent.mkdir(parents=True)
    library.write_text("A = 1\n")
    (tmp_path / "service").mkdir()
    for folder in ("libs/common", "service"):
        (tmp_path / folder / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "other.py").write_text("A = 1\n")
    (tmp_path / "service/uv.lock").write_text(
        '[[package]]\nname = "api"\nsource = { virtual = "." }\ndependencies = [{ name = "common" }]\n'
        '[[package]]\nname = "common"\nsource = { editable = "../libs/common" }\n'
    )
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=First"]):
        author = ("-c", "user.name=Author", "-c", "user.email=author@example.org")
        subprocess.run(["git", *author, *words], cwd=tmp_path, check=True)
    clean = _read_service(tmp_path, tmp_path, "service")
    assert not clean.dirty
    (tmp_path / "other.py").write_text("A = 2\n")
    assert _read_service(tmp_path, tmp_path, "service") == clean
    library.write_text("A = 2\n")
    changed = _read_service(tmp_path, tmp_path, "service")
    assert (changed.dirty, changed.commit) == (True, clean.commit)
    assert changed.sources != clean.sources
