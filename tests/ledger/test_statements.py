"""Approvals, denials and lifts: signed here, by an ssh-agent or elsewhere, and when one does not count."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.ledger.errors import RefusedError, SigningError
from ci.ledger.records import Approval, Denial, Lift, serialize_record
from ci.ledger.signed_statements import SIGN_COMMAND, SignedText, StatementInput, explain_signing
from ci.ledger.signing.signatures import SigningKey
from ci.ledger.signing.statements import Statement
from ci.ledger.statements import write_statement
from ci.ledger.store.artifacts import Artifact, tag_of
from ci.ledger.store.store import Ledger, store_artifact
from ci.settings import Settings
from tests.ledger.attacker import push, signed_by
from tests.ledger.workspace import DIGEST, OTHER_DIGEST, Workspace, refusal, ssh_keygen

ABOUT = {"environment": "production", "version": "1.0"}


@pytest.fixture
def built(workspace: Workspace) -> Workspace:
    """Return a workspace with a build by `author`."""
    workspace.build()
    return workspace


def statement(**changes: object) -> Statement:
    now = datetime.now(UTC).replace(microsecond=0)
    fields: dict[str, object] = {"act": "approve", "app": "orders", "digest": DIGEST, "at": now, **ABOUT}
    return Statement(**{**fields, "expires": now + timedelta(hours=1), **changes})  # type: ignore[arg-type] # a test's


def sign(workspace: Workspace, who: str, text: str) -> str:
    """Sign a text with plain ssh-keygen, as people do elsewhere."""
    return ssh_keygen("-Y", "sign", "-n", "slipway", "-f", str(workspace.keys[who]), text=text)


def signed(workspace: Workspace, who: str, text: str) -> SignedText:
    return SignedText(text, sign(workspace, who, text))


def refused_approval(workspace: Workspace, text: SignedText, environment: str = "production") -> str:
    return refusal(lambda: workspace.approve("", environment, signed=text))


def missing_approvals(workspace: Workspace, environment: str = "acceptance") -> str:
    """Return the refusal about approvals."""
    reasons = refusal(lambda: workspace.check("lead", environment)).splitlines()
    return next(reason for reason in reasons if "approvals" in reason)


def written(workspace: Workspace, about: StatementInput) -> Statement:
    return workspace.run(lambda ledger: write_statement(ledger, workspace.settings, about))


def test_approval_signed_here_counts(built: Workspace) -> None:
    entry = built.approve("lead", "production", note="looks\ngood", seconds=3600)
    assert entry == built.read().entries[-1]
    assert (entry.signer, entry.person, entry.record.source, entry.record.note) == ("lead", "lead", "key", "looks good")
    assert timedelta(minutes=59) < entry.record.expires - datetime.now(UTC) < timedelta(minutes=61)
    assert "1 of 2 approvals (lead)" in missing_approvals(built, "production")


def test_approval_signed_by_an_ssh_agent_counts(built: Workspace, tmp_path: Path) -> None:
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as agent:
        while not socket.exists():
            time.sleep(0.01)
        environment = {"SSH_AUTH_SOCK": str(socket), "PATH": "/usr/bin"}
        subprocess.run(["ssh-add", "-q", str(built.keys["stakeholder"])], env=environment, check=True)
        public = str(built.keys["stakeholder"].with_suffix(".pub"))
        entry = built.approve("", "production", key=SigningKey(public_key_file=public, agent_socket=str(socket)))
        agent.terminate()
    assert entry.person == "stakeholder"


@pytest.mark.parametrize("end", ["\n", "", "\n\n"])
def test_approval_signed_elsewhere_counts_with_any_actor(built: Workspace, end: str) -> None:
    text = written(built, StatementInput("approve", "production", "1.0"))
    assert text.text.splitlines()[:5] == [
        "slipway approve",
        "app: orders",
        "environment: production",
        "version: 1.0",
        f"digest: {DIGEST}",
    ]
    assert SIGN_COMMAND in explain_signing(text)
    # Terminals and editors add or remove a newline: before the signature, or on the way back.
    signature = sign(built, "lead", text.text.rstrip("\n") + end)
    built.approve("", "production", signed=SignedText(text.text, signature))
    history = built.read()
    assert (history.entries[-1].signer, history.entries[-1].person, history.problems) == ("", "lead", ())


def test_approval_without_a_key_is_refused_with_advice(built: Workspace) -> None:
    message = refusal(lambda: built.approve("", "production"))
    assert "needs a signature: give a key (--key), or sign the text of `ci call statement`" in message


def test_approval_without_the_role_is_refused_by_name(built: Workspace) -> None:
    message = refusal(lambda: built.approve("author", "production"))
    assert message.startswith("production: an approval of 1.0: that of author does not count: it takes the role lead")


def test_approval_by_the_author_is_refused(workspace: Workspace) -> None:
    workspace.build(who="lead", author="")
    message = refusal(lambda: workspace.approve("lead", "production"))
    assert "that of lead does not count: the person wrote or built the release" in message


def test_approval_by_an_unknown_key_is_refused(built: Workspace) -> None:
    with pytest.raises(SigningError, match="is not in allowed_signers: add it there"):
        built.approve("stranger", "production")
    message = refused_approval(built, signed(built, "stranger", statement().text))
    assert message.endswith("it is signed by a key that is not in allowed_signers")


def test_approval_by_a_revoked_key_stops_counting(built: Workspace) -> None:
    built.approve("lead", "acceptance")
    built.revoked = built.keys["lead"].with_suffix(".pub").read_text()
    message = refused_approval(built, signed(built, "lead", statement().text))
    assert message.endswith("it is signed by a revoked key of lead")
    assert "1.0 has 0 of 1 approvals" in refusal(lambda: built.check("author", "acceptance"))
    assert [problem.partition(":")[0] for problem in built.read().problems] == ["untrusted", "untrusted"]


def test_changed_statement_is_refused(built: Workspace) -> None:
    text = statement().text
    signature = sign(built, "lead", text)
    later = statement(expires=datetime(2030, 1, 1, tzinfo=UTC)).text
    assert refused_approval(built, SignedText(later, signature)).endswith("it is signed by lead over another text")
    assert "was changed after it was made" in refused_approval(built, SignedText(f"{text}and: more\n", signature))
    without_digest = SignedText(text.replace("digest", "hash"), signature)
    assert "has no line digest" in refused_approval(built, without_digest)


@pytest.mark.parametrize(
    ("name", "value"),
    [("app", "payments"), ("environment", "acceptance"), ("version", "0.9"), ("digest", OTHER_DIGEST)],
)
def test_statement_about_another_release_is_refused(built: Workspace, name: str, value: str) -> None:
    message = refused_approval(built, signed(built, "lead", statement(**{name: value}).text))
    assert message.startswith(f"production: the statement is about another {name}: {value}, not ")


def test_statement_of_another_act_is_refused(built: Workspace) -> None:
    text = statement(act="lift", reason="fine", expires=None).text
    assert "another act: lift, not approve" in refused_approval(built, signed(built, "lead", text))


def test_expired_approval_is_refused(built: Workspace) -> None:
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    text = statement(at=past - timedelta(hours=1), expires=past).text
    message = refused_approval(built, signed(built, "lead", text))
    assert "that of lead does not count: it expired " in message


def test_approval_for_longer_than_the_environment_allows_is_refused(built: Workspace) -> None:
    message = refusal(lambda: built.approve("lead", "production", seconds=1e6))
    assert "counts for 604800 s at most (is 1e+06)" in message


def test_second_approval_by_the_same_person_is_refused(built: Workspace) -> None:
    text = signed(built, "lead", statement().text)
    built.approve("", "production", signed=text)
    assert refused_approval(built, text).startswith("production: this statement was recorded already")
    assert "lead approved 1.0 already" in refusal(lambda: built.approve("lead", "production"))


def test_pushed_approvals_are_checked_again(built: Workspace) -> None:
    """Anybody with push access can store records, so policy checks every one."""
    expires = statement().expires
    place = {"environment": "acceptance", "expires": expires}
    texts = {
        "an unknown key": (statement(**place).text, "stranger"),
        "without the role": (statement(**place).text, "author"),
        "of another digest": (statement(**place, digest=OTHER_DIGEST).text, "lead"),
        "of production": (statement(expires=expires).text, "lead"),
        "of another app": (statement(**place, app="payments").text, "lead"),
    }

    async def push(ledger: Ledger) -> None:
        history = await ledger.read()
        for text, who in texts.values():
            fields = {"app": "orders", "at": datetime.now(UTC), "parents": history.heads, "environment": "acceptance"}
            record = Approval.model_validate(
                {**fields, "version": "1.0", "digest": DIGEST, "expires": expires}
                | {"statement": text, "signature": sign(built, who, text)}
            )
            artifact = Artifact(serialize_record(record))
            await store_artifact(ledger.registry, tag_of(artifact.payload, record.at), artifact)

    built.deliver("dev", who="author")
    built.run(push)
    assert "1.0 has 0 of 1 approvals" in missing_approvals(built)
    history = built.read()
    assert sorted(entry.person for entry in history.of(Approval)) == ["", "", "", "", "author"]
    assert len(history.problems) == 4


def test_denial_holds_until_it_is_lifted(built: Workspace) -> None:
    assert "needs a reason" in refusal(lambda: built.deny("stakeholder", "dev", ""))
    denial = built.deny("stakeholder", "dev", "slow\nit is")
    assert (denial.person, denial.record.reason) == ("stakeholder", "slow it is")
    assert "1.0 is denied by stakeholder: slow it is" in refusal(lambda: built.check("author", "dev"))
    text = written(built, StatementInput("lift", "dev", "1.0", "fast again"))
    lift = signed(built, "lead", text.text)
    assert built.lift("", "dev", "", lift).person == "lead"
    assert built.check("author", "dev").decision.allowed
    assert "there is nothing to lift" in refusal(lambda: built.lift("lead", "dev", "again"))
    built.deny("stakeholder", "dev", "again")
    assert "recorded already" in refusal(lambda: built.lift("", "dev", "", lift))


def test_lift_without_the_role_is_refused_by_name(built: Workspace) -> None:
    built.deny("author", "production", "a doubt")
    message = refusal(lambda: built.lift("author", "production", "no doubt"))
    assert message == "production: author may not lift a denial, which takes the role lead or stakeholder"


def test_denial_by_a_person_who_is_not_listed_is_refused(built: Workspace) -> None:
    people = {name: person for name, person in built.settings.people.items() if name != "author"}
    built.settings = Settings.model_validate(built.settings.model_copy(update={"people": people}))
    message = refusal(lambda: built.deny("author", "production", "a doubt"))
    assert message == (
        "production: author is not listed under [people] in pipeline.toml: only people who are listed may deny"
    )


def test_approval_of_a_version_that_was_never_built_is_refused(built: Workspace) -> None:
    assert "2.0 was never built" in refusal(lambda: built.approve("lead", "production", "2.0"))


@pytest.mark.parametrize("act", ["approve", "lift", "deny"])
def test_statement_that_is_dated_ahead_is_refused(built: Workspace, act: str) -> None:
    built.deny("lead", "production", "a doubt")
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3650)
    last: dict[str, object] = {"expires": None, "reason": "later"}
    if act == "approve":
        last = {"expires": ahead + timedelta(days=7)}
    text = signed(built, "lead", statement(act=act, at=ahead, **last).text)
    work: dict[str, Callable[[], object]] = {
        "approve": lambda: built.approve("", "production", signed=text),
        "deny": lambda: built.deny("", "production", "later", signed=text),
        "lift": lambda: built.lift("", "production", "later", signed=text),
    }
    message = refusal(work[act])
    assert f"the statement is dated {ahead:%Y-%m-%d %H:%M} UTC, which has not come yet" in message


def test_statement_that_expires_too_late_is_refused(built: Workspace) -> None:
    late = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3650)
    message = refused_approval(built, signed(built, "lead", statement(expires=late).text))
    assert f"the statement expires {late:%Y-%m-%d %H:%M} UTC, more than 604800 s after its date" in message


def test_record_of_a_statement_that_is_dated_ahead_does_not_count(built: Workspace) -> None:
    built.deny("lead", "production", "a doubt")

    async def push_ahead(ledger: Ledger) -> str:
        history, ahead = await ledger.read(), datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        text = statement(act="lift", at=ahead, expires=None, reason="later").text
        record = Lift(
            **ABOUT,
            app="orders",
            digest=DIGEST,
            reason="later",
            at=datetime.now(UTC),
            parents=history.heads,
            statement=text,
            signature=await signed_by(built, "lead", text.encode()),
        )
        return await push(ledger, record)

    tag = built.run(push_ahead)
    history = built.read()
    assert [entry.person for entry in history.of(Lift)] == [""]
    (problem,) = history.problems
    assert problem.startswith(f"forged: {tag}: lift of 1.0 in production: its statement is dated ")
    assert "is denied by lead" in refusal(lambda: built.check("lead", "production"))


def test_same_statement_counts_once_for_each_person_who_signs_it(built: Workspace) -> None:
    text = statement().text
    for who in ("lead", "stakeholder"):
        built.approve("", "production", signed=signed(built, who, text))
    assert [entry.person for entry in built.read().of(Approval)] == ["lead", "stakeholder"]
    assert "recorded already" in refused_approval(built, signed(built, "lead", text))


def test_same_denial_and_lift_count_for_each_person_who_signs_them(built: Workspace) -> None:
    denial = statement(act="deny", expires=None, reason="a doubt").text
    for who in ("lead", "stakeholder"):
        built.deny("", "production", "", signed(built, who, denial))
    history = built.read()
    assert ([entry.person for entry in history.of(Denial)], history.problems) == (["lead", "stakeholder"], ())
    lift = statement(act="lift", expires=None, reason="no doubt").text
    for who in ("lead", "stakeholder"):
        built.lift("", "production", "", signed(built, who, lift))
        built.deny("author", "production", f"a doubt after {who}'s lift")
    history = built.read()
    assert ([entry.person for entry in history.of(Lift)], history.problems) == (["lead", "stakeholder"], ())


def test_copy_that_nobody_signed_does_not_use_a_statement_up(built: Workspace) -> None:
    text = statement()

    async def push_copy(ledger: Ledger) -> None:
        record = Approval(
            **ABOUT,
            app="orders",
            digest=DIGEST,
            at=datetime.now(UTC),
            statement=text.text,
            signature="none",
            expires=text.expires or text.at,
        )
        await push(ledger, record)

    built.run(push_copy)
    assert built.approve("", "production", signed=signed(built, "lead", text.text)).person == "lead"


def test_same_denial_within_a_second_is_no_replay(built: Workspace) -> None:
    for _ in range(3):
        # Two of three are within a second, mostly.
        with suppress(RefusedError):
            built.deny("author", "production", "a doubt")
    assert built.read().problems == ()
