"""Which of the tracebacks that the SDK prints are shown to whom."""

import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway_engine.cli.options import Options
from slipway_engine.cli.progress.failure import report
from slipway_engine.cli.progress.plain import Plain
from slipway_engine.cli.progress.tracebacks import API_ERROR, EXCEPTION, TracebackFilter
from slipway_engine.errors import EngineError
from slipway_engine.events import Events, Span
from slipway_engine.store.database import Store
from slipway_engine.store.secrets import Secrets

from .conftest import SAMPLES, Ci

SOURCE = """
import json

class Refused(Exception):
    pass

def refuse():
    raise Refused("not on a Friday\\nnor on a Saturday")

def stumble():
    return json.loads("{")
"""


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str], list[str]]:
    """A module; calling one of its functions, which fails, returns what the SDK prints of it."""
    (tmp_path / "delivery.py").write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("delivery", tmp_path / "delivery.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)

    def call(name: str) -> list[str]:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is printed
            getattr(made, name)()
        return [EXCEPTION, *"".join(traceback.format_exception(caught.value)).splitlines()]

    return call


def shown(lines: list[str], error: str) -> Span:
    """Show a call that prints something, then these lines, and fails."""
    events = Events()
    events.listeners.append(TracebackFilter(Plain()))
    spans: list[Span] = []

    def call() -> None:
        with events.span("Ci.deploy") as span:
            spans.append(span)
            for line in ["of its own", *lines]:
                events.log(span, line)
            raise EngineError(error)

    with pytest.raises(EngineError):
        call()
    return spans[0]


def test_refusal_keeps_its_message(module: Callable[[str], list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    span = shown(module("refuse"), "FunctionError: not on a Friday\nnor on a Saturday")
    written = capsys.readouterr().err.partition("ERROR")
    assert written[0] == "#1 Ci.deploy\n#1 of its own\n#1 "
    assert written[2].endswith("s: not on a Friday\n")
    assert list(span.tail) == ["of its own"]


def test_a_mistake_in_the_module_s_code_is_shown_with_its_place(
    module: Callable[[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    span = shown(module("stumble"), "FunctionError: Expecting property name")
    written = capsys.readouterr().err
    assert "#1 of its own\n#1 Unhandled exception while executing function\n#1 Traceback" in written
    assert 'return json.loads("{")' in written
    assert (span.tail[0], span.tail[1]) == ("of its own", EXCEPTION)
    assert "JSONDecodeError" in span.tail[-1]


def test_a_failed_step_needs_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    shown([API_ERROR, "Traceback (most recent call last):", '  File "x.py", line 1, in y'], "process failed")
    assert "Traceback" not in capsys.readouterr().err


def test_output_after_a_survived_error_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    events = Events()
    events.listeners.append(TracebackFilter(Plain()))
    with events.span("Ci.deploy") as span:
        for line in ["before", API_ERROR, "after"]:
            events.log(span, line)
    assert capsys.readouterr().err.startswith(f"#1 Ci.deploy\n#1 before\n#1 {API_ERROR}\n#1 after\n#1 DONE")
    assert list(span.tail) == ["before", API_ERROR, "after"]


def test_last_line_is_the_error_of_the_function(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(EngineError("FunctionError: not on a Friday"), [], Secrets(Store(tmp_path)), Options())
    assert capsys.readouterr().err == "Error: not on a Friday\n"


def test_a_developer_asks_for_the_traceback(ci: Ci) -> None:
    err = ci("call", "broken", cwd=SAMPLES / "steps").err
    assert "Traceback" not in err
    assert "what went wrong" in "\n".join(err.splitlines()[-4:])
    for flag in ("-v", "--debug"):
        assert "in broken" in ci("call", "broken", flag, cwd=SAMPLES / "steps").err
