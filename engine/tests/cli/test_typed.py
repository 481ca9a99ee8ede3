"""Advised commands hold what people had typed, and defaults that were not read are named."""

import shutil
from pathlib import Path

import pytest

from slipway_engine.cli.options import Options
from slipway_engine.cli.typed import with_typed

from .conftest import SAMPLES, Ci

ALONE = "  run it alone:    ci call deploy --env dev"


@pytest.mark.parametrize(
    ("text", "module", "constructor", "expected"),
    [
        (ALONE, None, [], ALONE),
        (ALONE, "../ci", [], "  run it alone:    ci -m ../ci call deploy --env dev"),
        (ALONE, "a b", ["--source=x"], "  run it alone:    ci -m 'a b' call --source=x deploy --env dev"),
        (" shell:  ci call -i test\nx", "m", ["--source=."], " shell:  ci -m m call -i --source=. test\nx"),
        (
            "  it: ci call --overrides a=1 lint",
            None,
            ["--overrides=a=1", "--x=2"],
            "  it: ci call --x=2 --overrides a=1 lint",
        ),
        ("  it: ci check lint", "m", ["--x=2"], "  it: ci -m m check lint"),
        # For the person who approves, who has flags of their own.
        ("type `ci call approve --env dev`", "m", ["--signing-key=x"], "type `ci call approve --env dev`"),
    ],
)
def test_commands_hold_what_was_typed(text: str, module: str | None, constructor: list[str], expected: str) -> None:
    assert with_typed(text, Options(module=module, constructor=constructor)) == expected


def test_error_advises_the_module_and_the_flags_of_the_constructor(ci: Ci, tmp_path: Path) -> None:
    advice = "no:\n  run it alone: ci call words"
    module = str(SAMPLES / "kinds")
    outcome = ci("-m", module, "call", "--times", "2", "fail", f"--message={advice}", cwd=tmp_path)
    assert outcome.status == 1
    assert outcome.err.endswith(f"Error: no:\n  run it alone: ci -m {module} call --times=2 words\n")
    assert ci("call", "fail", f"--message={advice}").err.endswith(f"Error: {advice}\n")


def test_default_that_lacks_the_modules_name_is_named(ci: Ci, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "kinds", tmp_path / "module", ignore=shutil.ignore_patterns("__pycache__"))
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text("GREETING=hi\nOTHER=x\n")
    call = ("-m", str(tmp_path / "module"), "call", "greet", "--name=bob")
    outcome = ci(*call, cwd=project)
    assert outcome.out == "hello bob"
    assert outcome.err.count("is not read") == 1
    assert f"{project}/.env: GREETING is not read: the module is in another folder" in outcome.err
    assert "so the line needs the module's name: KINDS_GREETING\n" in outcome.err
    (project / ".env").write_text("KINDS_GREETING=hi\nOTHER=x\n")
    outcome = ci(*call, cwd=project)
    assert (outcome.out, "is not read" in outcome.err) == ("hi bob", False)
