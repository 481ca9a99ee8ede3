"""Approvals, denials and lifts: signed here, by an agent or elsewhere, and every way in which one does not count."""

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.ledger import protocol as p
from ci.ledger.records import Approval, write
from ci.ledger.signing.statements import Statement
from ci.ledger.store.artifacts import Artifact, tag_of
from ci.ledger.store.store import Ledger, store
from ci.settings import Settings
from tests.ledger.desk import DIGEST, OTHER_DIGEST, Desk, ssh_keygen

PLACE = {"environment": "production", "version": "1.0"}


@pytest.fixture
def built(desk: Desk) -> Desk:
    """A desk at a ledger with a build, which `author` made."""
    desk.build()
    return desk


def statement(**changes: object) -> Statement:
    now = datetime.now(UTC).replace(microsecond=0)
    fields: dict[str, object] = {"act": "approve", "app": "orders", "digest": DIGEST, "at": now, **PLACE}
    return Statement(**{**fields, "expires": now + timedelta(hours=1), **changes})  # type: ignore[arg-type] # a test's


def signed(desk: Desk, who: str, text: str) -> str:
    """Sign a text with plain ssh-keygen, as people do elsewhere."""
    return ssh_keygen("-Y", "sign", "-n", "slipway", "-f", str(desk.keys[who]), text=text)


def refusal(desk: Desk, kind: type[p.Request] = p.Approve, who: str = "", **details: object) -> str:
    return desk.ask(p.Refused, kind, who, **{**PLACE, **details}).message


def missing(desk: Desk, environment: str = "acceptance") -> str:
    """Return what admission says about approvals."""
    refused = desk.ask(p.Refused, p.Admit, "lead", environment=environment, version="1.0")
    return next(reason for reason in refused.reasons if "approvals" in reason)


def test_an_approval_signed_here(built: Desk) -> None:
    recorded = built.ask(p.Recorded, p.Approve, "lead", **PLACE, note="looks\ngood", seconds=3600)
    assert recorded.message.startswith("production: 1.0 (aaaaaaaaaaaa) approved by lead until ")
    assert recorded.message.endswith(": looks good")
    entry = built.with_ledger(lambda ledger: ledger.read()).entries[-1]
    assert (entry.signer, entry.stated, entry.record.source) == ("lead", "lead", "key")
    assert timedelta(minutes=59) < entry.record.expires - datetime.now(UTC) < timedelta(minutes=61)
    assert "1 of 2 approvals (lead)" in missing(built, "production")


def test_an_approval_signed_by_an_agent(built: Desk, tmp_path: Path) -> None:
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as agent:
        while not socket.exists():
            time.sleep(0.01)
        environment = {"SSH_AUTH_SOCK": str(socket), "PATH": "/usr/bin"}
        subprocess.run(["ssh-add", "-q", str(built.keys["stakeholder"])], env=environment, check=True)
        public = str(built.keys["stakeholder"].with_suffix(".pub"))
        signer = p.SigningKey(public_key_file=public, agent_socket=str(socket))
        built.ask(p.Recorded, p.Approve, **PLACE, signer=signer)
        agent.terminate()
    assert built.with_ledger(lambda ledger: ledger.read()).entries[-1].stated == "stakeholder"


@pytest.mark.parametrize("end", ["\n", "", "\n\n"])
def test_an_approval_signed_elsewhere_and_brought_by_anybody(built: Desk, end: str) -> None:
    text = built.ask(p.Text, p.StatementOf, **PLACE, act="approve")
    assert text.text.splitlines()[:5] == [
        "slipway approve",
        "app: orders",
        "environment: production",
        "version: 1.0",
        f"digest: {DIGEST}",
    ]
    assert text.command in text.message
    # Terminals and editors add or take a newline: before it is signed, or on the way back.
    signature = signed(built, "lead", text.text.rstrip("\n") + end)
    built.ask(p.Recorded, p.Approve, **PLACE, statement=text.text, signature=signature)
    history = built.with_ledger(lambda ledger: ledger.read())
    assert (history.entries[-1].signer, history.entries[-1].stated, history.problems) == ("", "lead", ())


def test_without_a_key_it_is_told_what_to_do(built: Desk) -> None:
    assert "takes a signature: give a key (--key), or sign what `ci call statement` prints" in refusal(built)


def test_who_may_not_approve_is_refused_by_name(built: Desk) -> None:
    message = refusal(built, who="author")
    assert message.startswith("production: an approval of 1.0: that of author does not count: it takes the role lead")


def test_the_author_may_not_approve_their_own(desk: Desk) -> None:
    desk.build(who="lead", author="")
    assert "that of lead does not count: they wrote or built it" in refusal(desk, who="lead")


def test_an_unknown_signer(built: Desk) -> None:
    failed = built.ask(p.Failed, p.Approve, "stranger", **PLACE)
    assert failed.reason == "signing"
    assert "is nobody's: add it to allowed_signers" in failed.message
    text = statement().text
    message = refusal(built, statement=text, signature=signed(built, "stranger", text))
    assert message.endswith("it is signed by a key that is nobody's in allowed_signers")


def test_a_revoked_key(built: Desk) -> None:
    built.ask(p.Recorded, p.Approve, "lead", environment="acceptance", version="1.0")
    built.revoked = built.keys["lead"].with_suffix(".pub").read_text()
    text = statement().text
    message = refusal(built, statement=text, signature=signed(built, "lead", text))
    assert message.endswith("it is signed by a revoked key of lead")
    # What the key signed before does not count any more either.
    refused = built.ask(p.Refused, p.Admit, "author", environment="acceptance", version="1.0")
    assert any("1.0 has 0 of 1 approvals" in reason for reason in refused.reasons)
    assert [problem.partition(":")[0] for problem in built.problems()] == ["unproven", "unproven"]


def test_a_tampered_statement(built: Desk) -> None:
    text = statement().text
    signature = signed(built, "lead", text)
    later = statement(expires=datetime(2030, 1, 1, tzinfo=UTC)).text
    message = refusal(built, statement=later, signature=signature)
    assert message.endswith("it is signed by lead over another text")
    assert "was changed after it was made" in refusal(built, statement=f"{text}and: more\n", signature=signature)
    assert "has no line digest" in refusal(built, statement=text.replace("digest", "hash"), signature=signature)


@pytest.mark.parametrize(
    ("name", "value"),
    [("app", "payments"), ("environment", "acceptance"), ("version", "0.9"), ("digest", OTHER_DIGEST)],
)
def test_a_replayed_statement(built: Desk, name: str, value: str) -> None:
    text = statement(**{name: value}).text
    message = refusal(built, statement=text, signature=signed(built, "lead", text))
    assert message.startswith(f"production: the statement is about another {name}: {value}, not ")


def test_another_act(built: Desk) -> None:
    text = statement(act="lift", reason="fine", expires=None).text
    assert "another act: lift, not approve" in refusal(built, statement=text, signature=signed(built, "lead", text))


def test_an_expired_approval(built: Desk) -> None:
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    text = statement(at=past - timedelta(hours=1), expires=past).text
    message = refusal(built, statement=text, signature=signed(built, "lead", text))
    assert "that of lead does not count: it expired " in message


def test_longer_than_the_environment_allows(built: Desk) -> None:
    assert "counts for 604800 s at most (is 1e+06)" in refusal(built, who="lead", seconds=1e6)


def test_a_second_approval_by_the_same_person(built: Desk) -> None:
    text = statement().text
    signature = signed(built, "lead", text)
    built.ask(p.Recorded, p.Approve, **PLACE, statement=text, signature=signature)
    again = refusal(built, statement=text, signature=signature)
    assert again.startswith("production: this statement was recorded already")
    assert "lead approved 1.0 already" in refusal(built, who="lead")


def test_what_is_pushed_past_us_does_not_count(built: Desk) -> None:
    """Anybody who may push can store records: admission looks at every one again."""
    expires = statement().expires
    place = {"environment": "acceptance", "expires": expires}
    texts = {
        "a stranger's": (statement(**place).text, "stranger"),
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
                | {"statement": text, "signature": signed(built, who, text)}
            )
            artifact = Artifact(write(record))
            await store(ledger.registry, tag_of(artifact.payload, record.at), artifact)

    built.deploy("dev", who="author")
    built.with_ledger(push)
    assert "1.0 has 0 of 1 approvals" in missing(built)
    history = built.with_ledger(lambda ledger: ledger.read())
    assert sorted(entry.stated for entry in history.of(Approval)) == ["", "", "", "", "author"]
    assert len(history.problems) == 4


def test_a_denial_holds_until_it_is_lifted(built: Desk) -> None:
    place = {"environment": "dev", "version": "1.0"}
    assert "takes a reason" in refusal(built, p.Deny, "stakeholder", **place)
    denied = built.ask(p.Recorded, p.Deny, "stakeholder", **place, reason="slow\nit is")
    assert denied.message == "dev: 1.0 (aaaaaaaaaaaa) denied by stakeholder: slow it is"
    assert "1.0 is denied by stakeholder: slow it is" in refusal(built, p.Admit, "author", **place)
    text = built.ask(p.Text, p.StatementOf, **place, act="lift", reason="quick again").text
    signature = signed(built, "lead", text)
    lifted = built.ask(p.Recorded, p.Lift, **place, statement=text, signature=signature)
    assert lifted.message == "dev: 1.0 (aaaaaaaaaaaa) no longer denied by lead: quick again"
    built.ask(p.Admitted, p.Admit, "author", **place)
    assert "there is nothing to lift" in refusal(built, p.Lift, "lead", **place, reason="again")
    built.ask(p.Recorded, p.Deny, "stakeholder", **place, reason="again")
    assert "recorded already" in refusal(built, p.Lift, **place, statement=text, signature=signature)


def test_who_may_not_lift_is_refused_by_name(built: Desk) -> None:
    built.ask(p.Recorded, p.Deny, "author", **PLACE, reason="a doubt")
    message = refusal(built, p.Lift, "author", reason="no doubt")
    assert message == "production: author may not lift a denial, which takes the role lead or stakeholder"


def test_who_is_nobody_may_not_deny(built: Desk) -> None:
    people = {name: person for name, person in built.settings.people.items() if name != "author"}
    built.settings = Settings.model_validate(built.settings.model_copy(update={"people": people}))
    assert refusal(built, p.Deny, "author", reason="a doubt") == (
        "production: author is nobody under [people] in pipeline.toml"
    )


def test_a_release_that_was_never_built(built: Desk) -> None:
    assert "2.0 was never built" in refusal(built, who="lead", version="2.0")
