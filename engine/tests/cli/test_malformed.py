"""Malformed variables and files: every command says in a sentence what is wrong, and shows no Python traceback."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .conftest import CI, SAMPLES

COMMANDS = (
    ("call", "greet", "--name", "bob"),
    ("call", "--help"),
    ("functions",),
    ("check", "-l"),
    ("prune", "--all"),
    ("run", "true"),
    ("version",),
)
NO_MODULE = frozenset({"prune", "run", "version"})
MODULE = "import dagger\n\n@dagger.object_type\nclass Kinds:\n    pass\n"


@dataclass(frozen=True)
class Case:
    """A machine on which something is malformed, and what commands that use it say."""

    says: str
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes | None] = field(default_factory=dict)  # by path below the machine; None: a folder
    spares: frozenset[str] = frozenset({"version"})  # the commands that do not use it


def variable(name: str, value: str, says: str) -> Case:
    return Case(f"{name}: {says}", {name: value})


def module_file(name: str, content: bytes | None, says: str) -> Case:
    return Case(says, files={f"module/{name}": content}, spares=NO_MODULE)


SIZE = "must be a size, such as 20GB or 500MiB"
HOST = "must be unix://PATH, tcp://HOST:PORT"
DAMAGED = "is damaged"
CASES = [
    *(variable("SLIPWAY_CACHE_BYTES", value, SIZE) for value in ("1e9", "-1", "lots", "20 GB please", "inf", "٣GB")),
    variable("SLIPWAY_CACHE", "~nobody-has-this-name/cache", "must name a folder"),
    *(variable("DOCKER_HOST", value, HOST) for value in ("nonsense", "tcp://", "tcp://a:b", "http://[::1", "ftp://a")),
    variable("SSL_CERT_FILE", "/nowhere/ca.pem", "must name a file of certificates"),
    variable("SSL_CERT_FILE", "/", "must name a file of certificates"),
    *(
        module_file("dagger.json", content, "dagger.json: cannot be read as a module's configuration")
        for content in (
            b"{",
            b"\xff\xfe",
            b"[]",
            b"{}",
            b'{"name": 3, "sdk": "python"}',
            b'{"name": "", "sdk": "python"}',
            b'{"name": "kinds", "sdk": ["python"]}',
            b'{"name": "kinds", "sdk": {"source": 3}}',
            b'{"name": "kinds", "sdk": "python", "source": 3}',
            b'{"name": "kinds", "sdk": "python", "source": "a\\u0000b"}',
            b'{"name": "kinds", "sdk": "python", "include": 3}',
            b'{"name": "kinds", "sdk": "python", "include": [3]}',
        )
    ),
    *(
        module_file("pyproject.toml", content, "pyproject.toml: ")
        for content in (
            b"[",
            b"\xff\xfe",
            b"project = 3",
            b"project.entry-points = 3",
            b"project.entry-points.'dagger.mod' = 3",
            b"project.entry-points.'dagger.mod'.main_object = 3",
        )
    ),
    module_file(".env", b"GREETING=\xff\xfe", ".env: cannot be read"),
    Case(DAMAGED, files={"cache/store.db": b"no database " * 1000}),
    Case("unable to open database file", files={"cache/store.db": None}),
    *(
        Case(
            "Docker's own settings cannot be read",
            files={"home/.docker/config.json": content},
            spares=frozenset({"call", "functions", "check", "run", "version"}),
        )
        for content in (b"{", b'{"currentContext": "nowhere"}')
    ),
    Case("the engine's cache folder cannot be used", files={"cache": b""}),
    Case("the engine's cache folder cannot be used", files={"cache/locks": b""}),
]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with a module and an empty cache."""
    shutil.copytree(SAMPLES / "kinds", tmp_path / "module", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cache").mkdir()
    return tmp_path


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(machine: Path) -> Start:
    """Start `ci` on the machine."""

    def start(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
        own = {"HOME": str(machine / "home"), "SLIPWAY_CACHE": str(machine / "cache"), "TERM": "dumb"}
        return subprocess.Popen(
            [CI, *arguments],
            cwd=machine / "module",
            env=os.environ | own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def put(machine: Path, files: Mapping[str, bytes | None]) -> None:
    for name, content in files.items():
        path = machine / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.mkdir() if content is None else path.write_bytes(content)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{[*case.variables.items(), *case.files.items()]}"[:60])
def test_malformed_input_is_one_sentence_from_every_command(case: Case, machine: Path, start: Start) -> None:
    put(machine, case.files)
    running = {command: start(*command, **case.variables) for command in COMMANDS if command[0] not in case.spares}
    for command, process in running.items():
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err, (command, err)
        assert "internal error" not in err, (command, err)
        assert (process.returncode in {1, 2}, out) == (True, ""), (command, err)
        assert case.says in err, (command, err)


@pytest.mark.parametrize("table", ["nodes", "facts", "steps", "durations"])
def test_store_of_another_shape_is_refused_without_a_traceback(table: str, machine: Path, start: Start) -> None:
    with contextlib.closing(sqlite3.connect(machine / "cache" / "store.db")) as db:
        db.execute(f"CREATE TABLE {table} (other TEXT)")
    running = [start(*command) for command in COMMANDS]
    outcomes = [process.communicate(timeout=120) for process in running]
    assert not [err for out, err in outcomes if "Traceback" in out + err or "internal error" in err]


def test_facts_that_are_no_json_are_refused_without_a_traceback(machine: Path, start: Start) -> None:
    for command in COMMANDS:
        start(*command).communicate(timeout=120)
    with contextlib.closing(sqlite3.connect(machine / "cache" / "store.db")) as db:
        db.execute("UPDATE facts SET value = '{'")
        db.execute("UPDATE nodes SET body = '{'")
        db.commit()
    running = [start(*command) for command in COMMANDS]
    outcomes = [process.communicate(timeout=120) for process in running]
    assert not [err for out, err in outcomes if "Traceback" in out + err or "internal error" in err]
    assert DAMAGED in outcomes[0][1]


@pytest.mark.parametrize("value", ["", "20GB", "500 MiB", "1.5g", "0"])
def test_limit_is_read_with_its_unit(value: str, start: Start) -> None:
    process = start("functions", SLIPWAY_CACHE_BYTES=value)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, "greet" in out) == (0, True), err


def test_folder_that_is_gone_is_one_sentence(machine: Path) -> None:
    command = f"mkdir gone && cd gone && rmdir ../gone && exec {CI} functions"
    environ = os.environ | {"SLIPWAY_CACHE": str(machine / "cache")}
    done = subprocess.run(
        ["bash", "-c", command], cwd=machine, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "the working folder is gone" in done.stderr


def test_reader_that_goes_away_is_no_error(machine: Path) -> None:
    environ = os.environ | {"SLIPWAY_CACHE": str(machine / "cache")}
    command = f"{CI} functions | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=machine / "module", env=environ, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
