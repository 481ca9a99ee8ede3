"""The agent's step: what it gets, what is missing for it, and how its responses become errors."""

import pytest
from dagger import dag

from ci.agent.home import Rules
from ci.agent.protocol.requests import Deliver, Provision, ReadEnvironments, ReadStatus, Request
from ci.agent.protocol.responses import Done, Failed, Response
from ci.agent.protocol.responses import Refused as PolicyRefused
from ci.settings import Settings
from ci.stages.agent import Agent, _failure
from ci.stages.credentials import Credentials
from ci.stages.errors import LedgerFailed, Refused, StageFailed, TargetFailed
from ci.targets.stack import Stack

SETTINGS = Settings.parse("""
[app]
name = "shop"
module = "shop"

[registry]
repository = "localhost:5000/shop"

[environments.dev]
kind = "dev"

[environments.far]
kind = "dev"
target = { address = "ssh://deploy@far.example", known_hosts = "far.example ssh-ed25519 AAAA" }
""")


def agent(credentials: Credentials | None = None) -> Agent:
    return Agent(SETTINGS, credentials or Credentials(), dag.directory(), Rules(settings=SETTINGS))


@pytest.mark.parametrize(
    ("request_", "names", "sentence"),
    [
        (ReadStatus(environment="dev"), ["dev"], "dev: its target (unix) cannot be reached without --docker"),
        (
            ReadStatus(environment="far"),
            ["far"],
            "far: its target (ssh://deploy@far.example) cannot be reached without --ssh-key",
        ),
        (
            ReadEnvironments(),
            ["dev", "far"],
            "far: its target (ssh://deploy@far.example) cannot be reached without --ssh-key",
        ),
        # Hosts are prepared over ssh, also those of an environment whose target is this machine.
        (Provision(environment="dev"), ["dev"], "dev: its target (unix) cannot be reached without --ssh-key"),
    ],
    ids=["socket", "ssh", "all", "provision"],
)
def test_missing_way_to_a_target_is_named(request_: Request, names: list[str], sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        agent()._with_targets(dag.container(), names, request_)
    assert str(refusal.value).startswith(sentence)
    assert ".env" in str(refusal.value)


def test_missing_way_to_a_loopback_registry_is_named() -> None:
    with pytest.raises(Refused, match="the ledger at localhost:5000 cannot be reached without --registry"):
        agent()._with_ledger(dag.container())


def test_unknown_environment_has_no_target() -> None:
    with pytest.raises(Exception, match="no such environment"):
        Stack.of(SETTINGS, "nowhere")


def test_request_is_readable_on_the_command_line() -> None:
    assert Deliver(environment="dev", version="1.4.2").arguments == ("deliver", "dev", "1.4.2")
    assert Deliver(environment="dev", action="rollback").arguments == ("deliver", "rollback", "dev")
    assert ReadStatus(environment="dev").arguments == ("status", "dev")


@pytest.mark.parametrize(
    ("response", "kind", "message"),
    [
        (PolicyRefused(message="both", reasons=("no approval", "no promotion")), Refused, "no approval\nno promotion"),
        (Failed(message="dev: gone", where="target", reason="unreachable"), TargetFailed, "dev: gone"),
        (Failed(message="no login", where="ledger", reason="denied"), LedgerFailed, "ledger: no login"),
        (Failed(message="no such environment", where="request", reason="invalid"), Refused, "no such environment"),
        (Done(message="another kind of response"), Refused, "another kind of response"),
    ],
    ids=["policy", "target", "ledger", "request", "unexpected"],
)
def test_each_bad_response_is_an_error_of_its_own(response: Response, kind: type[StageFailed], message: str) -> None:
    error = _failure(response)
    assert (type(error), str(error)) == (kind, message)


def test_every_end_of_a_delivery_is_a_failed_stage() -> None:
    assert {Refused, TargetFailed, LedgerFailed} <= set(StageFailed.__subclasses__())
