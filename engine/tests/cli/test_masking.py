"""Secrets stay out of all that people see, whatever shows it; what a function returns stays as it is."""

import base64
import re
from pathlib import Path

import pytest

from .conftest import SAMPLES, Ci, Sit

STEPS = SAMPLES / "steps"
PASSWORD = "hunter22-hunter22"  # noqa: S105 - of these tests
FORMS = [PASSWORD, *(base64.b64encode(f"u:{PASSWORD}".encode()).decode()[start:][:8] for start in range(4, 16))]
CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\].*?(?:\x07|\x1b\\)|[@-Z\\-_])")
SINKS: dict[str, tuple[list[str], dict[str, str]]] = {
    "plain": (["--progress=plain"], {}),
    "dots": (["--progress=dots"], {}),
    "quiet": (["--quiet"], {}),
    "github": ([], {"GITHUB_ACTIONS": "true"}),
    "debug": (["--debug"], {}),
}


def leaked(text: str) -> list[str]:
    """Return the forms of the secret that people can read in a text."""
    seen = CODES.sub("", text)
    return [form for form in FORMS if form in seen]


@pytest.mark.parametrize("where", ["step", "command", "service", "function"])
@pytest.mark.parametrize("sink", SINKS)
def test_no_sink_shows_a_secret_with_a_colour_inside(ci: Ci, tmp_path: Path, sink: str, where: str) -> None:
    options, variables = SINKS[sink]
    arguments = ["leak", "--secret=env:HUSH", f"--where={where}"]
    page = tmp_path / "page.html"
    outcome = ci("call", f"--trace={page}", *options, *arguments, cwd=STEPS, HUSH=PASSWORD, **variables)
    assert (outcome.status, outcome.out) == (1, "")
    assert "***" in outcome.err
    assert "***" in page.read_text()
    assert leaked(outcome.err) == leaked(page.read_text()) == []


@pytest.mark.parametrize("where", ["step", "function"])
def test_terminal_shows_no_secret_with_a_colour_inside(sit: Sit, where: str) -> None:
    screen = sit("call", "leak", "--secret=env:HUSH", f"--where={where}", cwd=STEPS, HUSH=PASSWORD)
    status, text = screen.end("")
    assert status == 1
    assert "***" in text
    assert leaked(text) == []


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_result_of_a_function_is_not_changed(ci: Ci, options: list[str]) -> None:
    arguments = ["leak", "--secret=env:HUSH", "--where=result"]
    outcome = ci("call", *options, *arguments, cwd=STEPS, HUSH="and")
    assert outcome.status == 0
    assert " and " in outcome.out
    assert " and " not in outcome.err
    assert " *** " in outcome.err
