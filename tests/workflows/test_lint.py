"""What the workflows promise, by linters that know GitHub's and by what every one of their steps has to be."""

import re
import subprocess
from pathlib import Path

import pytest

from ci.stages.lint import ACTIONLINT, ZIZMOR

REPOSITORY = Path(__file__).parents[2]
GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml"))]
BLOCK = re.compile(r"^( *)(?:- )?run: (?:\||(\S.*))$")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def scripts(path: Path) -> list[str]:
    """Return what the steps of a file run."""
    found, lines = [], path.read_text().splitlines()
    for number, line in enumerate(lines):
        if match := BLOCK.match(line):
            indented = f"{match[1]}    " if "- run" in line else f"{match[1]}  "
            body = []
            for below in lines[number + 1 :]:
                if match[2] or not below.startswith(indented):
                    break
                body.append(below.strip())
            found.append(match[2] or "\n".join(body))
    return found


def test_actionlint_finds_nothing() -> None:
    done = run(*ACTIONLINT, *map(str, WORKFLOWS))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_zizmor_finds_nothing_at_its_most_pedantic() -> None:
    done = run(*ZIZMOR, "--pedantic", str(GITHUB))
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    for line in used:
        assert re.fullmatch(r"\./\.github/\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_step_decides_anything(path: Path) -> None:
    for script in scripts(path):
        # `test` begins a command where it decides; after `make` it is a goal.
        assert not re.search(r"(?m)[^|]\|[^|]|\|\||&&|;|^\s*(if|for|while|case|until|test)\b|\[\[?\s", script), script
        # What people type reaches the shell by the environment alone.
        assert "${{" not in script, script


def test_scripts_of_the_steps_are_found() -> None:
    texts = [script for path in FILES for script in scripts(path)]
    assert "dagger check" in texts
    assert any(script.startswith("printf 'address=' ") and '"$FUNCTION" --env=' in script for script in texts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_running_deploy_is_never_cancelled(path: Path) -> None:
    text = path.read_text()
    assert text.count("\npermissions: {}\n") == 1
    assert ("cancel-in-progress: true" in text) == (path.name in {"ci.yml", "tests.yml"})
    assert text.count("runs-on:") == text.count("timeout-minutes:")
