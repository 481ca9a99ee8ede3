"""The API's own types: as arguments from the command line, as results, and chained on."""

import shutil
from pathlib import Path

import pytest

from .conftest import SAMPLES, Ci


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A copy of the sample module in a git repository, beside other files."""
    copy = tmp_path / "repository" / "kinds"
    shutil.copytree(SAMPLES / "kinds", copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy.parent / ".git").mkdir()
    (copy.parent / "top.txt").write_text("at the top")
    return copy


def test_directory_takes_its_default_path_and_ignore_patterns(ci: Ci, module: Path) -> None:
    assert ci("-q", "call", "names", cwd=module).out == "pyproject.toml\nsrc/\n"


def test_a_default_path_from_the_root_of_the_repository(ci: Ci, module: Path) -> None:
    assert ci("-q", "call", "top", cwd=module).out == "at the top"


def test_a_directory_argument(ci: Ci, module: Path) -> None:
    (module / "own").mkdir()
    (module / "own" / "a.txt").touch()
    (module / "own" / "b.json").touch()
    outcome = ci("-q", "call", "names", "--source", "own", cwd=module)
    assert (outcome.out, outcome.err) == ("a.txt\n", "")


def test_a_directory_that_is_not_there(ci: Ci, module: Path) -> None:
    outcome = ci("-q", "call", "names", "--source", "nosuch", cwd=module)
    assert outcome.status != 0
    assert "--source: " in outcome.err
    assert "nosuch" in outcome.err


def test_a_file_argument(ci: Ci, module: Path) -> None:
    (module / "note.txt").write_text("a note")
    assert ci("-q", "call", "read", "--file=./note.txt", cwd=module).out == "a note"


def test_the_default_of_a_user_s_env_file(ci: Ci, module: Path) -> None:
    (module / ".env").write_text("READ_FILE=./note.txt\nGREETING=hi\nADD_A=40\n")
    (module / "note.txt").write_text("from .env")
    assert ci("-q", "call", "read", cwd=module).out == "from .env"
    assert ci("-q", "call", "greet", "--name=bob", cwd=module).out == "hi bob"
    assert ci("-q", "call", "add", cwd=module).out == "42"
    assert '--a int   (default "40", from .env)' in ci("call", "add", "--help", cwd=module).out


def test_a_default_of_the_env_file_that_does_not_fit(ci: Ci, module: Path) -> None:
    (module / ".env").write_text("ADD_A=many\n")
    outcome = ci("-q", "call", "add", cwd=module)
    assert outcome.status == 2
    assert outcome.err.startswith("Error: .env: Kinds.add(a=…): 'many' does not fit its type")


def test_functions_of_the_api_s_types(ci: Ci) -> None:
    assert ci("-q", "call", "tree", "entries").out == "hello.txt\nsub/\n"
    assert ci("-q", "call", "tree", "file", "--path", "hello.txt", "contents").out == "hello"
    added = ("tree", "with-new-file", "--path=x", "--contents=y", "file", "--path=x", "contents")
    assert ci("-q", "call", *added).out == "y"


def test_an_object_of_the_api_is_named(ci: Ci) -> None:
    assert ci("-q", "call", "tree").out.startswith("Directory@sha256:")


def test_an_object_of_the_api_is_evaluated_by_sync(ci: Ci) -> None:
    base = ("-q", "call", "base", "with-exec")
    assert ci(*base, "--args=true", "sync", cwd=SAMPLES / "steps").out.startswith("Container@sha256:")
    assert ci(*base, "--args=false", "sync", cwd=SAMPLES / "steps").status == 1


def test_a_directory_is_exported(ci: Ci, tmp_path: Path) -> None:
    outcome = ci("-q", "call", "tree", "-o", str(tmp_path / "out"))
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err == f'Saved to "{tmp_path / "out"}".\n'
    assert (tmp_path / "out" / "sub" / "other.txt").read_text() == "other"


def test_a_file_is_exported(ci: Ci, tmp_path: Path) -> None:
    ci("-q", "call", "tree", "file", "--path=hello.txt", "-o", "copy.txt", "-m", str(SAMPLES / "kinds"), cwd=tmp_path)
    assert (tmp_path / "copy.txt").read_text() == "hello"


@pytest.mark.parametrize("address", ["env:API_KEY", "env://API_KEY", "cmd:printf %s hunter22", "file:{path}"])
def test_secret_is_masked_in_output_of_a_function(ci: Ci, tmp_path: Path, address: str) -> None:
    (tmp_path / "token").write_text("hunter22")
    given = address.replace("{path}", str(tmp_path / "token"))
    outcome = ci("call", "reveal", "--secret", given, API_KEY="hunter22")
    assert outcome.out == "8"
    assert "the secret is ***" in outcome.err
    assert "hunter22" not in outcome.err


def test_a_secret_s_value_counts_for_the_cache(ci: Ci) -> None:
    assert ci("-q", "call", "reveal", "--secret=env:API_KEY", API_KEY="abcdef").out == "6"
    assert ci("-q", "call", "reveal", "--secret=env:API_KEY", API_KEY="abcdefgh").out == "8"


def test_a_secret_that_is_not_there(ci: Ci) -> None:
    outcome = ci("-q", "call", "reveal", "--secret", "env:NO_SUCH_VARIABLE")
    assert outcome.status == 1
    assert "the environment variable NO_SUCH_VARIABLE is not set" in outcome.err
