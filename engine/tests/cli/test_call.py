"""`ci call`: arguments of every kind, chains, what is printed, and the exit status."""

import asyncio
import json
import shlex
from pathlib import Path

import pytest

from slipway_engine.cli.evaluate import evaluate
from slipway_engine.cli.output import text
from slipway_engine.cli.parser import parse
from slipway_engine.engine import Engine
from slipway_engine.modules.session import Session
from slipway_engine.modules.source import ModuleSource

from .conftest import SAMPLES, Ci

RESULTS = {
    "greet --name bob": "hello bob",
    "greet --name=bob --shout": "HELLO BOB",
    "--greeting hi --times 2 greet --name bob": "hi bob hi bob",
    "add --a 40": "42",
    "add --a -1 --b 0x10": "15",
    "half --of 3": "1.5",
    "flag": "true",
    "flag --on=false": "false",
    "join --words a,b --words c --numbers 1,2": "a|b|c|1|2",
    'join --words "a,b"': "a|b",
    "join --words '\"a,b\"'": "a,b",
    # No CSV, but what people type: Dagger's own command takes the single quotes only.
    "join --words \"x=['a','b']\"": "x=['a'|'b']",
    'join --words \'x=["a","b"]\'': 'x=["a"|"b"]',
    "words": "one\ntwo\n",
    "louder --level low": "HIGH",
    "louder --level HIGH": "HIGH",
    "louder --levels low,high": "HIGH",
    "maybe": "nothing",
    "maybe --text=": "<>",
    "nothing": "",
    "greeting": "hello",
    "report ok": "true",
    "report level": "LOW",
    "report summary": "good: 2 parts",
    "report first name": "a",
    "report parts name": "a\nb\n",
    "parts described --prefix=-": "-a (1)\n-b (2)!\n",
    "again --greeting hey greet --name bob": "hey bob",
}


@pytest.fixture(scope="module")
def printed(environ: dict[str, str]) -> dict[str, str]:
    """What the chains print, all called in one session."""

    async def work() -> dict[str, str]:
        source = ModuleSource.find("kinds", SAMPLES)
        async with Engine.open(SAMPLES) as engine, Session.open(engine, source) as session:
            await session.load()
            return {words: await _printed(session, words) for words in RESULTS}

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_CACHE", environ["SLIPWAY_CACHE"])
        return asyncio.run(work())


async def _printed(session: Session, words: str) -> str:
    chain = parse(session.module, "Kinds", shlex.split(words))
    result = await evaluate(session, chain)
    return text(session.engine, session.module, chain, result)


@pytest.mark.parametrize("words", RESULTS)
def test_results_are_printed_as_dagger_prints_them(printed: dict[str, str], words: str) -> None:
    assert printed[words] == RESULTS[words]


def test_a_scalar_is_printed_without_a_line_end(ci: Ci) -> None:
    outcome = ci("-q", "call", "greet", "--name", "bob")
    assert (outcome.status, outcome.out, outcome.err) == (0, "hello bob", "")


def test_an_object_is_named_by_its_type_and_digest(ci: Ci) -> None:
    outcome = ci("call", "parts")
    lines = outcome.out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("- KindsPart@sha256:") for line in lines)


def test_json(ci: Ci) -> None:
    parts = [{"name": "a", "size": 1}, {"name": "b", "size": 2}]
    assert json.loads(ci("call", "--json", "report").out) == {"ok": True, "parts": parts, "level": "LOW"}
    assert json.loads(ci("call", "words", "--json").out) == ["one", "two"]
    named = [{"name": "a"}, {"name": "b"}]
    assert json.loads(ci("call", "report", "parts", "name", "--json").out) == named
    assert ci("call", "-j", "greet", "--name", "ü").out == '"hello ü"\n'


def test_output_is_written_to_a_file(ci: Ci, tmp_path: Path) -> None:
    target = tmp_path / "new" / "words.txt"
    outcome = ci("-q", "call", "words", "-o", str(target))
    assert target.read_text() == outcome.out == "one\ntwo\n"
    assert outcome.err == f'Saved output to "{target}".\n'


def test_a_function_that_raises(ci: Ci) -> None:
    outcome = ci("call", "fail", "--message", "no disk")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.endswith("Error: no disk\n")
    assert outcome.err.count("raise RuntimeError(message)") == 1


def test_a_function_whose_process_ends(ci: Ci) -> None:
    outcome = ci("call", "leave")
    assert outcome.status == 1
    assert "Error: leave: the function's process exited with 3 without a result" in outcome.err


def test_output_of_a_function_is_progress_and_not_the_result(ci: Ci) -> None:
    outcome = ci("call", "shown", "--progress", "plain")
    assert outcome.out == "done"
    assert "a line of output" in outcome.err


def test_a_function_sees_nothing_of_the_host(ci: Ci) -> None:
    seen = ci("call", "surroundings", HOST_VARIABLE="1").out.splitlines()
    assert "HOST_VARIABLE" not in seen
    assert "SLIPWAY_CACHE" not in seen
    assert seen[-2:] == ["home:[]", "work:[]"]


def test_another_folder_s_module(ci: Ci, tmp_path: Path) -> None:
    assert ci("-m", str(SAMPLES / "kinds"), "call", "greet", "--name=x", cwd=tmp_path).out == "hello x"
    assert ci("call", f"--mod={SAMPLES / 'kinds'}", "greet", "--name=x", cwd=tmp_path).out == "hello x"
    inside = ci("call", "greet", "--name=x", cwd=SAMPLES / "kinds" / "src" / "kinds")
    assert inside.out == "hello x"
