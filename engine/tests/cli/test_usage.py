"""Command lines that make no sense: status 2, what is wrong, and where the help is; and that help."""

from pathlib import Path

import pytest

from .conftest import Ci


@pytest.mark.parametrize(
    ("arguments", "message", "help_of"),
    [
        ("call gret", 'unknown command "gret" for "ci call"\n\nDid you mean this?\n  greet\n', "ci call"),
        ("call greet", 'required flag(s) "name" not set', "ci call greet"),
        ("call greet --nam x", "unknown flag: --nam\n\nDid you mean this?\n  --name\n", "ci call greet"),
        ("call greet --times 2", "unknown flag: --times\n\n--times goes in front of greet.\n", "ci call greet"),
        ("call greet --name", "flag needs an argument: --name", "ci call greet"),
        ("call add --a x", 'invalid argument "x" for "--a" flag: must be a whole number', "ci call add"),
        ("call half --of x", 'invalid argument "x" for "--of" flag: must be a number', "ci call half"),
        ("call flag --on=x", 'invalid argument "x" for "--on" flag: must be true or false', "ci call flag"),
        ("call louder --level mid", 'for "--level" flag: value should be one of HIGH,LOW', "ci call louder"),
        ("call words more", 'unknown command "more" for "ci call words": its result has no functions', "ci call words"),
        ("functions more", "no function 'more' in Kinds", "ci"),
        ("check nosuch", "no check is called nosuch: there are breaks, passes", "ci"),
        ("call --progress loud words", "--progress: must be one of auto, tty, plain, dots (is 'loud')", "ci"),
        (
            "call --interactive-command='a words",
            "cannot be split into words as a shell does: No closing quotation",
            "ci",
        ),
        ("call words --changes", "flag needs an argument: --changes", "ci"),
        ("prune --max-size 1q", "--max-size: '1q' is no size such as 10GB", "ci"),
        ("prune --all --max-size 1GB", "--all keeps nothing", "ci"),
        ("cal", 'unknown command "cal" for "ci"', "ci"),
        ("run", "which command?", "ci"),
        ("run -- nosuchprogram", "nosuchprogram: No such file or directory", "ci"),
    ],
)
def test_usage_errors(ci: Ci, arguments: str, message: str, help_of: str) -> None:
    outcome = ci(*arguments.split())
    assert (outcome.status, outcome.out) == (2, ""), outcome.err
    assert message in outcome.err
    assert outcome.err.endswith(f"Run '{help_of} --help' for usage.\n")


def test_no_module(ci: Ci, tmp_path: Path) -> None:
    outcome = ci("functions", cwd=tmp_path)
    assert outcome.status == 2
    assert "dagger.json was not found in" in outcome.err
    assert "name it with -m FOLDER" in outcome.err


def test_a_module_that_cannot_be_imported(ci: Ci, tmp_path: Path) -> None:
    (tmp_path / "dagger.json").write_text('{"name": "broken", "sdk": "python"}')
    (tmp_path / "broken.py").write_text("import nosuchpackage\n")
    outcome = ci("functions", cwd=tmp_path)
    assert outcome.status == 1
    assert outcome.err.endswith("Error: ModuleLoadError: No module named 'nosuchpackage'\n")


def test_a_module_of_another_sdk(ci: Ci, tmp_path: Path) -> None:
    (tmp_path / "dagger.json").write_text('{"name": "other", "sdk": {"source": "go"}}')
    outcome = ci("functions", cwd=tmp_path)
    assert outcome.status == 1
    assert "the SDK 'go' is not supported by the local engine" in outcome.err


def test_functions(ci: Ci) -> None:
    lines = ci("functions").out.splitlines()
    assert lines[0].split() == ["Name", "Description"]
    assert "add            Add two numbers." in lines
    assert lines[1:] == sorted(lines[1:])
    assert [line.split()[0] for line in ci("functions", "report", "first").out.splitlines()] == [
        "Name",
        "described",
        "name",
        "size",
    ]
    assert "entries " in ci("functions", "tree").out


def test_help_of_the_module(ci: Ci) -> None:
    text = ci("call", "--help").out
    assert text.startswith(
        "A module with one of everything.\n\nIt is what the tests of the command line call.\n\nUSAGE\n"
    )
    assert "  ci call [options] [arguments] <function>\n" in text
    assert '      --greeting string   What to say first (default "hello")\n' in text
    assert "  greet          Greet somebody.\n" in text
    assert ci("call").out == text


def test_help_of_a_function(ci: Ci) -> None:
    text = ci("call", "greet", "--help").out
    assert text.startswith(
        "Greet somebody.\n\nAs often as the constructor says.\n\nUSAGE\n  ci call greet [arguments]\n"
    )
    assert "      --name string   Whom to greet [required]\n      --shout\n" in text
    assert "--level HIGH,LOW" in ci("call", "louder", "-h").out


@pytest.mark.parametrize("command", ["", "functions", "check", "prune", "run"])
def test_help_of_the_commands(ci: Ci, command: str) -> None:
    outcome = ci(*command.split(), "--help")
    assert outcome.status == 0
    assert "USAGE\n  ci" in outcome.out


def test_version(ci: Ci) -> None:
    assert ci("version").out.startswith("ci 0.")
