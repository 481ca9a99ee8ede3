"""A team: a project with a history in git, people with keys, and three environments."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ci.settings import FILE
from ci.stages.agent_image import LOCK
from tests.machine import a_free_port

from .conftest import HERE, Environ, Outcome, Project, remove
from .targets import remove_stack

PEOPLE = ("author", "deployer", "lead", "stakeholder")
SETTINGS = """
[app]
name = "{name}"
path = "service"
module = "greeter"

[registry]
repository = "{registry}/{name}"

[people]
author = {{ emails = ["author@example.org"], roles = ["lead"] }}
deployer = {{ roles = ["deployer"] }}
lead = {{ roles = ["lead"] }}
stakeholder = {{ roles = ["stakeholder"] }}

[environments.dev]
kind = "dev"
edge.port = {ports[0]}
replicas = 1
verify = {{ window = 2, min_requests = 2, max_p95_ms = 10000 }}

[environments.acceptance]
kind = "acceptance"
edge.port = {ports[1]}
replicas = 1
verify = {{ window = 2, min_requests = 2, max_p95_ms = 10000 }}

[environments.production]
kind = "production"
edge.port = {ports[2]}
replicas = 2
update = {{ parallelism = 0, delay = 0 }}
verify = {{ window = 2, min_requests = 2, max_p95_ms = 10000 }}
deployers = ["deployer"]
secrets = ["token"]
"""


@dataclass
class Team:
    """A project with a history in git, and people with keys."""

    project: Project
    keys: Path

    def ci(self, *arguments: str, by: str = "") -> Outcome:
        """Run `ci call` as a person."""
        return self.project.ci(*arguments, *([f"--key=file://{self.keys / by}"] if by else []))

    def done(self, *arguments: str, by: str = "") -> str:
        """Run a command that has to work, and return what it prints."""
        outcome = self.ci(*arguments, by=by)
        assert outcome.status == 0, outcome.err
        return outcome.out

    def refused(self, *arguments: str, by: str = "") -> str:
        """Run a command that has to be refused, and return its standard error."""
        outcome = self.ci(*arguments, by=by)
        assert outcome.status == 1, outcome.out
        return outcome.err

    def json(self, *arguments: str, by: str = "") -> Any:
        """Run a command that has to work, and return the object that it reports."""
        return self.ci(*arguments, "--json", by=by).json

    def pin_agent(self) -> None:
        """Pin the agent's image of this version of the pipeline."""
        self.done("pin-agent", f"--output={self.project.folder / LOCK}")

    def commit(self, version: str) -> None:
        """Change the service and tag it."""
        self.project.add("service/src/greeter/__init__.py", f'\nRELEASE = "{version}"\n')
        self.project.commit(version)

    def approve(self, environment: str, version: str, *people: str) -> None:
        """Approve, which has to work."""
        for person in people:
            self.done("approve", f"--env={environment}", f"--version={version}", by=person)

    def deploy(self, environment: str, version: str = "", by: str = "deployer") -> Any:
        """Deploy, which has to work."""
        where = ["--checkout=."] if environment == "dev" else [f"--version={version}"]
        return self.json("deploy", f"--env={environment}", *where, by=by)

    def release(self, version: str) -> Any:
        """Deliver a new version to all environments."""
        self.commit(version)
        deployed = {"dev": self.deploy("dev")}
        self.approve("acceptance", version, "lead")
        deployed["acceptance"] = self.deploy("acceptance", version)
        self.approve("production", version, "lead", "stakeholder")
        deployed["production"] = self.deploy("production", version)
        return deployed

    def version_in(self, environment: str) -> str:
        """Ask an environment which version answers."""
        address = self.project.stack_of(environment).environment.address
        return str(httpx.get(address, timeout=10).headers.get("x-version", ""))

    def remove(self, environment: str) -> None:
        """Lose an environment with all that it holds."""
        remove_stack(self.project.stack_of(environment))


@contextmanager
def new_team(folder: Path, module: Path, environ: Environ, registry: str = "localhost:5000") -> Iterator[Team]:
    """Make a team whose repository has no commit yet; in the end its stacks are removed."""
    repository, keys = folder / "repository", folder / "keys"
    keys.mkdir()
    shutil.copytree(HERE / "service", repository / "service", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    ports = [a_free_port() for _ in range(3)]
    text = SETTINGS.format(name=f"e2e-{uuid.uuid4().hex[:8]}", registry=registry, ports=ports)
    (repository / FILE).write_text(text)
    lines = []
    for person in (*PEOPLE, "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / person)], check=True)
        lines.append(f"{person} {' '.join((keys / f'{person}.pub').read_text().split()[:2])}\n")
    (repository / "allowed_signers").write_text("".join(lines[: len(PEOPLE)]))
    team = Team(Project(repository, module, environ), keys)
    team.project.git("init", "--quiet", "--initial-branch=main")
    try:
        yield team
    finally:
        remove(team.project)
