"""A release walks dev → acceptance → production and back by `ci call` alone, with real keys; and who is refused."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import REPOSITORY, Environ, Project
from .targets import read_state
from .team import Team, new_team


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, module: Path, environ: Environ) -> Iterator[Team]:
    """A team that has pinned the agent's image once, and works with it ever after."""
    with new_team(tmp_path_factory.mktemp("team"), module, environ) as team:
        team.pin_agent()
        yield team


@pytest.fixture(scope="module")
def first(team: Team) -> Any:
    """The first release, everywhere."""
    team.commit("v1.0.0")
    early = team.refused("deploy", "--env=production", "--version=v1.0.0", by="deployer")
    assert "v1.0.0 was never built" in early
    deployed = {"dev": team.deploy("dev")}
    unapproved = team.refused("deploy", "--env=acceptance", "--version=v1.0.0", by="deployer")
    assert "acceptance: v1.0.0 has 0 of 1 approvals" in unapproved
    assert "`ci call approve --env acceptance --version v1.0.0 --key …`" in unapproved
    team.approve("acceptance", "v1.0.0", "lead")
    skipped = team.refused("deploy", "--env=production", "--version=v1.0.0", by="deployer")
    assert "v1.0.0" in skipped
    assert "never ran in acceptance, which comes before it" in skipped
    deployed["acceptance"] = team.deploy("acceptance", "v1.0.0")
    team.approve("production", "v1.0.0", "lead", "stakeholder")
    unset = team.refused("deploy", "--env=production", "--version=v1.0.0", by="deployer")
    assert "token" in unset
    team.done("secrets", "set", "--env=production", "--name=token", "--value=cmd:printf s3cret")
    deployed["production"] = team.deploy("production", "v1.0.0")
    return deployed


@pytest.fixture(scope="module")
def second(team: Team, first: Any) -> Any:
    """A second release, everywhere, over the first."""
    assert first
    return team.release("v1.1.0")


def test_production_runs_the_image_that_ran_in_dev(team: Team, first: Any) -> None:
    assert {deployed["digest"] for deployed in first.values()} == {first["dev"]["digest"]}
    assert [deployed["outcome"] for deployed in first.values()] == ["succeeded"] * 3
    assert first["production"]["approvals"] == ["lead", "stakeholder"]
    story = team.json("release", "--version=v1.0.0")
    assert story["digest"] == first["dev"]["digest"]
    assert (story["author"], story["by"], story["tests"]) == ("author", "deployer", 3)
    assert story["serves"] == ["dev", "acceptance", "production"]


@pytest.mark.full
def test_environments_lists_what_each_one_runs(team: Team, second: Any) -> None:
    assert second
    listed = team.json("environments")
    lines = [
        (line["name"], line["version"], line["running"], line["healthy"], line["note"]) for line in listed["lines"]
    ]
    assert lines == [(name, "v1.1.0", "v1.1.0", True, "") for name in ("dev", "acceptance", "production")]
    assert listed["problems"] == []
    assert team.version_in("production") == "v1.1.0"


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_rollback_is_a_switch_back_and_forward_again(team: Team) -> None:
    back = team.json("rollback", "--env=production", by="deployer")
    assert (back["version"], team.version_in("production")) == ("v1.0.0", "v1.0.0")
    assert "candidate" not in [stage.partition(":")[0] for stage in back["stages"]]
    newest = team.json("history", "--env=production", "--limit=1")["lines"][0]
    assert (newest["version"], newest["signed"], newest["by"]) == ("v1.0.0", True, "deployer")
    forward = team.json("rollback", "--env=production", "--version=v1.1.0", by="deployer")
    assert (forward["version"], team.version_in("production")) == ("v1.1.0", "v1.1.0")
    assert "v9 never served here" in team.refused("rollback", "--env=production", "--version=v9", by="deployer")


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("words", "by", "sentence"),
    [
        (("deploy", "--env=acceptance"), "deployer", "--version is required: only environments of the kind dev build"),
        (("deploy", "--env=production", "--version=v1.0.0"), "", "only people who sign may deploy to it"),
        (("deploy", "--env=production", "--version=v1.0.0"), "lead", "lead may not deploy to it"),
        pytest.param(
            ("deploy", "--env=production", "--version=v1.0.0"),
            "stranger",
            "is not in allowed_signers: add it there",
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
            ("deploy", "--env=dev", "--checkout=.", "--version=a b"), "", "must be at most 122", marks=pytest.mark.full
        ),
    ],
)
def test_refusal_names_its_reason(team: Team, words: tuple[str, ...], by: str, sentence: str) -> None:
    assert sentence in team.refused(*words, by=by)


@pytest.mark.usefixtures("first")
def test_version_is_one_image_for_ever(team: Team) -> None:
    shutil.copytree(team.project.folder, team.keys / "other", dirs_exist_ok=True)
    other = Team(Project(team.keys / "other", team.project.module, team.project.environ), team.keys)
    other.project.add("service/src/greeter/__init__.py", "\nOTHER = True\n")
    refusal = other.refused("package", "--checkout=.", "--version=v1.0.0")
    assert "v1.0.0 is sha256:" in refusal
    assert "choose another version" in refusal


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_denied_release_stays_out_until_the_denial_is_lifted(team: Team) -> None:
    team.done("deny", "--env=acceptance", "--version=v1.1.0", "--reason=it eats data", by="lead")
    assert "denied" in team.refused("deploy", "--env=acceptance", "--version=v1.1.0", by="deployer")
    team.done("lift", "--env=acceptance", "--version=v1.1.0", "--reason=it does not", by="lead")
    assert team.deploy("acceptance", "v1.1.0")["outcome"] == "unchanged"


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_refusal_of_a_locked_environment_names_who_locked_it_and_why(team: Team) -> None:
    before = team.json("report", "--env=acceptance")
    team.done("lock", "--env=acceptance", "--reason=we measure", "--by=lead")
    try:
        refusal = team.refused("deploy", "--env=acceptance", "--version=v1.1.0", by="deployer")
        for part in ("lead", "we measure", "unlock --env"):
            assert part in refusal
        # Nothing was tried, so nothing is recorded: the release there still counts for production, and for a restore.
        assert team.json("report", "--env=acceptance") == before
        # Where a rollback made the release current again, this deploy verifies it.
        allowed = team.json("deploy", "--env=production", "--version=v1.1.0", by="deployer")
        assert allowed["outcome"] in {"unchanged", "succeeded"}
    finally:
        team.done("unlock", "--env=acceptance")
    assert team.deploy("acceptance", "v1.1.0")["outcome"] == "unchanged"


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_approval_can_be_signed_elsewhere(team: Team, tmp_path: Path) -> None:
    text = team.done("statement", "--env=acceptance", "--version=v1.1.0")
    (tmp_path / "statement").write_text(text)
    sign = ("ssh-keygen", "-q", "-Y", "sign", "-n", "slipway", "-f", team.keys / "author", tmp_path / "statement")
    subprocess.run(sign, check=True, capture_output=True)
    files = (f"--statement={tmp_path}/statement", f"--signature={tmp_path}/statement.sig")
    message = team.done("approve", "--env=acceptance", "--version=v1.1.0", *files)
    assert "approved by author" in message
    (tmp_path / "statement").write_text(text.replace("acceptance", "production"))
    assert team.refused("approve", "--env=production", "--version=v1.1.0", *files)


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_rotated_secret_makes_another_release_of_the_same_image(team: Team) -> None:
    rotated = team.json(
        "secrets", "rotate", "--env=production", "--name=token", "--value=cmd:printf n3wer", by="deployer"
    )
    assert (rotated["version"], rotated["outcome"]) == ("v1.1.0", "succeeded")
    listed = team.ci("secrets", "list", "--env=production", "summary")
    assert "token 2" in listed.out
    assert "s3cret" not in listed.out + listed.err
    assert "n3wer" not in listed.out + listed.err


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_switch_by_hand_is_recorded_by_the_next_command(team: Team) -> None:
    name = team.project.stack.app.name
    script = REPOSITORY / "scripts" / "rollback.sh"
    before = team.json("rollback", "--env=production", "--version=v1.0.0", by="deployer")["version"]
    subprocess.run([script, "production", "v1.1.0"], check=True, env=team.project.environ | {"APP": name})
    assert (before, team.version_in("production")) == ("v1.0.0", "v1.1.0")
    assert "v1.1.0 runs there" in team.done("environments", "summary")
    team.json("rollback", "--env=production", "--version=v1.0.0", by="deployer")
    assert "observed" in "".join(line["text"] for line in team.json("history", "--env=production")["lines"])
    team.json("rollback", "--env=production", "--version=v1.1.0", by="deployer")


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_next_deploy_recovers_from_a_killed_one_and_records_that(team: Team) -> None:
    team.commit("v1.2.0")
    team.deploy("dev")
    team.approve("acceptance", "v1.2.0", "lead")
    words = ("deploy", "--env=acceptance", "--version=v1.2.0", f"--key=file://{team.keys / 'deployer'}")
    killed = team.project.start(*words)
    end = time.monotonic() + 120
    while read_state(team.project.stack_of("acceptance")).intent is None and time.monotonic() < end:
        time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert team.version_in("acceptance") in {"v1.1.0", "v1.2.0"}
    assert team.deploy("acceptance", "v1.2.0")["outcome"] in {"succeeded", "unchanged"}
    assert team.version_in("acceptance") == "v1.2.0"
    kinds = [line["kind"] for line in team.json("history", "--env=acceptance")["lines"]]
    assert kinds.count("recovery") >= 1
    assert kinds.count("delivery-start") - kinds.count("delivery-end") == 1


@pytest.mark.full
@pytest.mark.usefixtures("second")
def test_lost_environment_is_restored_from_the_ledger(team: Team) -> None:
    team.remove("acceptance")
    with pytest.raises(httpx.HTTPError):
        team.version_in("acceptance")
    restored = team.json("restore", "--env=acceptance", by="deployer")
    assert restored["outcome"] == "succeeded"
    assert team.version_in("acceptance") == restored["version"]
