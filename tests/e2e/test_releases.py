"""A release walks dev → acceptance → production and back by `ci call` alone, with real keys; and who is refused."""

import asyncio
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ci.settings import FILE
from ci.targets import protocol as p
from ci.targets.__main__ import answer
from tests.machine import a_free_port

from .conftest import HERE, REPOSITORY, Environ, Outcome, Project, remove

PEOPLE = ("author", "deployer", "lead", "stakeholder")
SETTINGS = """
[app]
name = "{name}"
path = "service"
module = "greeter"

[registry]
repository = "localhost:5000/{name}"

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
        """Run `ci call` as somebody."""
        return self.project.ci(*arguments, *([f"--key=file://{self.keys / by}"] if by else []))

    def done(self, *arguments: str, by: str = "") -> str:
        """Run something that has to work, and return what it prints."""
        outcome = self.ci(*arguments, by=by)
        assert outcome.status == 0, outcome.err
        return outcome.out

    def refused(self, *arguments: str, by: str = "") -> str:
        """Run something that has to be refused, and return what is said last."""
        outcome = self.ci(*arguments, by=by)
        assert outcome.status == 1, outcome.out
        return outcome.err

    def json(self, *arguments: str, by: str = "") -> Any:
        """Run something that has to work, and return what it reports."""
        return self.ci(*arguments, "--json", by=by).json

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
        """Take a new version the whole way."""
        self.commit(version)
        deployed = {"dev": self.deploy("dev")}
        self.approve("acceptance", version, "lead")
        deployed["acceptance"] = self.deploy("acceptance", version)
        self.approve("production", version, "lead", "stakeholder")
        deployed["production"] = self.deploy("production", version)
        return deployed

    def serving(self, environment: str) -> str:
        """Ask an environment which version answers."""
        address = self.project.stack_of(environment).environment.address
        return str(httpx.get(address, timeout=10).headers.get("x-version", ""))

    def remove(self, environment: str) -> None:
        """Lose an environment with all that it holds."""
        assert asyncio.run(answer(p.Remove(stack=self.project.stack_of(environment)))).ok


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ) -> Iterator[Team]:
    folder, keys = tmp_path_factory.mktemp("team"), tmp_path_factory.mktemp("keys")
    shutil.copytree(HERE / "service", folder / "service", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    ports = [a_free_port() for _ in range(3)]
    (folder / FILE).write_text(SETTINGS.format(name=f"e2e-{uuid.uuid4().hex[:8]}", ports=ports))
    lines = []
    for person in (*PEOPLE, "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / person)], check=True)
        lines.append(f"{person} {' '.join((keys / f'{person}.pub').read_text().split()[:2])}\n")
    (folder / "allowed_signers").write_text("".join(lines[: len(PEOPLE)]))
    team = Team(Project(folder, module, environ), keys)
    team.project.git("init", "--quiet", "--initial-branch=main")
    try:
        yield team
    finally:
        remove(team.project)


@pytest.fixture(scope="module")
def first(team: Team) -> Any:
    """The first release, everywhere."""
    team.commit("v1.0.0")
    early = team.refused("deploy", "--env=production", "--version=v1.0.0", by="deployer")
    assert "v1.0.0 was never built" in early
    told = {"dev": team.deploy("dev")}
    unapproved = team.refused("deploy", "--env=acceptance", "--version=v1.0.0", by="deployer")
    assert "acceptance: v1.0.0 has 0 of 1 approvals" in unapproved
    assert "`ci call approve --env acceptance --version v1.0.0 --key …`" in unapproved
    team.approve("acceptance", "v1.0.0", "lead")
    skipped = team.refused("deploy", "--env=production", "--version=v1.0.0", by="deployer")
    assert "v1.0.0" in skipped
    assert "never ran in acceptance, which comes before it" in skipped
    told["acceptance"] = team.deploy("acceptance", "v1.0.0")
    team.approve("production", "v1.0.0", "lead", "stakeholder")
    unset = team.refused("deploy", "--env=production", "--version=v1.0.0", by="deployer")
    assert "token" in unset
    team.done("secrets-set", "--env=production", "--name=token", "--value=cmd:printf s3cret")
    told["production"] = team.deploy("production", "v1.0.0")
    return told


@pytest.fixture(scope="module")
def second(team: Team, first: Any) -> Any:
    """A second release, everywhere, over the first."""
    assert first
    return team.release("v1.1.0")


def test_what_runs_in_production_is_what_ran_in_dev(team: Team, first: Any) -> None:
    assert {told["image"] for told in first.values()} == {first["dev"]["image"]}
    assert [told["outcome"] for told in first.values()] == ["deployed"] * 3
    assert first["production"]["approvals"] == ["lead", "stakeholder"]
    story = team.json("release", "--version=v1.0.0")
    assert story["image"] == first["dev"]["image"]
    assert (story["author"], story["by"], story["tests"]) == ("author", "deployer", 3)
    assert story["serves"] == ["dev", "acceptance", "production"]


@pytest.mark.full
def test_every_environment_tells_what_it_runs(team: Team, second: Any) -> None:
    assert second
    told = team.json("environments")
    lines = [(line["name"], line["version"], line["running"], line["healthy"], line["note"]) for line in told["lines"]]
    assert lines == [(name, "v1.1.0", "v1.1.0", True, "") for name in ("dev", "acceptance", "production")]
    assert told["problems"] == []
    assert team.serving("production") == "v1.1.0"


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_going_back_is_a_switch_and_forward_again_too(team: Team) -> None:
    back = team.json("rollback", "--env=production", by="deployer")
    assert (back["version"], team.serving("production")) == ("v1.0.0", "v1.0.0")
    assert "candidate" not in [stage.partition(":")[0] for stage in back["stages"]]
    newest = team.json("history", "--env=production", "--limit=1")["lines"][0]
    assert (newest["version"], newest["signed"], newest["by"]) == ("v1.0.0", True, "deployer")
    forward = team.json("rollback", "--env=production", "--version=v1.1.0", by="deployer")
    assert (forward["version"], team.serving("production")) == ("v1.1.0", "v1.1.0")
    assert "v9 never ran successfully here" in team.refused(
        "rollback", "--env=production", "--version=v9", by="deployer"
    )


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("words", "by", "sentence"),
    [
        (("deploy", "--env=acceptance"), "deployer", "say which version"),
        (("deploy", "--env=production", "--version=v1.0.0"), "", "only people who sign may deploy to it"),
        (("deploy", "--env=production", "--version=v1.0.0"), "lead", "lead may not deploy to it"),
        pytest.param(
            ("deploy", "--env=production", "--version=v1.0.0"),
            "stranger",
            "is nobody's: add it to allowed_signers",
            marks=pytest.mark.full,
        ),
        pytest.param(("approve", "--env=production", "--version=v1.0.0"), "author", "author", marks=pytest.mark.full),
        pytest.param(
            ("approve", "--env=acceptance", "--version=v1.0.0"), "stakeholder", "lead", marks=pytest.mark.full
        ),
        pytest.param(
            ("approve", "--env=acceptance", "--version=v7"), "lead", "v7 was never built", marks=pytest.mark.full
        ),
        pytest.param(
            ("deploy", "--env=dev", "--checkout=.", "--version=a b"), "", "must be at most 128", marks=pytest.mark.full
        ),
    ],
)
def test_whoever_may_not_is_told_why(team: Team, words: tuple[str, ...], by: str, sentence: str) -> None:
    assert sentence in team.refused(*words, by=by)


@pytest.mark.usefixtures("first")
def test_a_version_is_one_image_for_ever(team: Team) -> None:
    shutil.copytree(team.project.folder, team.keys / "other", dirs_exist_ok=True)
    other = Team(Project(team.keys / "other", team.project.module, team.project.environ), team.keys)
    other.project.add("service/src/greeter/__init__.py", "\nOTHER = True\n")
    refusal = other.refused("package", "--checkout=.", "--version=v1.0.0")
    assert "v1.0.0 is sha256:" in refusal
    assert "give this one another version" in refusal


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_a_denied_release_stays_out_until_that_is_lifted(team: Team) -> None:
    team.done("deny", "--env=acceptance", "--version=v1.1.0", "--reason=it eats data", by="lead")
    assert "denied" in team.refused("deploy", "--env=acceptance", "--version=v1.1.0", by="deployer")
    team.done("lift", "--env=acceptance", "--version=v1.1.0", "--reason=it does not", by="lead")
    assert team.deploy("acceptance", "v1.1.0")["outcome"] == "unchanged"


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_a_locked_environment_says_who_locked_it_and_why(team: Team) -> None:
    team.done("lock", "--env=acceptance", "--reason=we measure", "--by=lead")
    refusal = team.refused("deploy", "--env=acceptance", "--version=v1.1.0", by="deployer")
    for part in ("lead", "we measure", "unlock --env"):
        assert part in refusal
    # Nothing was tried: what served well there still counts for production, and for a restore.
    assert team.json("report", "--env=acceptance")["outcome"] == "refused"
    assert team.json("deploy", "--env=production", "--version=v1.1.0", by="deployer")["outcome"] == "unchanged"
    team.done("unlock", "--env=acceptance")
    assert team.deploy("acceptance", "v1.1.0")["outcome"] == "unchanged"


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_an_approval_can_be_signed_elsewhere(team: Team, tmp_path: Path) -> None:
    text = team.done("statement", "--env=acceptance", "--version=v1.1.0")
    (tmp_path / "statement").write_text(text)
    sign = [
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-n",
        "slipway",
        "-f",
        str(team.keys / "author"),
        str(tmp_path / "statement"),
    ]
    subprocess.run(sign, check=True, capture_output=True)
    files = (f"--statement={tmp_path}/statement", f"--signature={tmp_path}/statement.sig")
    told = team.done("approve", "--env=acceptance", "--version=v1.1.0", *files)
    assert "approved by author" in told
    (tmp_path / "statement").write_text(text.replace("acceptance", "production"))
    assert team.refused("approve", "--env=production", "--version=v1.1.0", *files)


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_a_rotated_secret_is_another_release_of_the_same_image(team: Team) -> None:
    rotated = team.json("secrets-rotate", "--env=production", "--name=token", "--value=cmd:printf n3wer", by="deployer")
    assert (rotated["version"], rotated["outcome"]) == ("v1.1.0", "deployed")
    listed = team.ci("secrets-list", "--env=production", "summary")
    assert "token 2" in listed.out
    assert "s3cret" not in listed.out + listed.err
    assert "n3wer" not in listed.out + listed.err


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_what_was_switched_by_hand_is_recorded(team: Team) -> None:
    name = team.project.stack.app.name
    script = REPOSITORY / "scripts" / "rollback.sh"
    before = team.json("rollback", "--env=production", "--version=v1.0.0", by="deployer")["version"]
    subprocess.run([script, "production", "v1.1.0"], check=True, env=team.project.environ | {"APP": name})
    assert (before, team.serving("production")) == ("v1.0.0", "v1.1.0")
    assert "v1.1.0 runs there" in team.done("environments", "summary")
    team.json("rollback", "--env=production", "--version=v1.0.0", by="deployer")
    assert "observed" in "".join(line["text"] for line in team.json("history", "--env=production")["lines"])
    team.json("rollback", "--env=production", "--version=v1.1.0", by="deployer")


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_a_killed_deploy_is_put_right_and_told_by_the_next(team: Team) -> None:
    team.commit("v1.2.0")
    team.deploy("dev")
    team.approve("acceptance", "v1.2.0", "lead")
    words = ("deploy", "--env=acceptance", "--version=v1.2.0", f"--key=file://{team.keys / 'deployer'}")
    killed = team.project.start(*words)
    end = time.monotonic() + 120
    while not asyncio.run(_intent(team)) and time.monotonic() < end:
        time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert team.serving("acceptance") in {"v1.1.0", "v1.2.0"}
    assert team.deploy("acceptance", "v1.2.0")["outcome"] in {"deployed", "unchanged"}
    assert team.serving("acceptance") == "v1.2.0"
    kinds = [line["kind"] for line in team.json("history", "--env=acceptance")["lines"]]
    assert kinds.count("recovery") >= 1
    assert kinds.count("start") - kinds.count("deploy") == 1


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_a_lost_environment_is_restored_from_the_ledger(team: Team) -> None:
    team.remove("acceptance")
    with pytest.raises(httpx.HTTPError):
        team.serving("acceptance")
    restored = team.json("restore", "--env=acceptance", by="deployer")
    assert restored["outcome"] == "deployed"
    assert team.serving("acceptance") == restored["version"]


async def _intent(team: Team) -> str:
    state = await answer(p.State(stack=team.project.stack_of("acceptance")))
    return state.intent if isinstance(state, p.Described) else ""
