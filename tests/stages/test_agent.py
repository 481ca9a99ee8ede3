"""What reaches a target is asked for by name, before anything runs."""

import pytest

from ci.settings import Settings
from ci.stages.credentials import Credentials, needed
from ci.stages.errors import LedgerFailed, Refused, StageFailed, TargetFailed
from ci.stages.target import Target
from ci.targets import protocol

SETTINGS = """
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
"""


def test_everything_that_ends_a_delivery_is_one_kind() -> None:
    assert issubclass(Refused, StageFailed)
    assert issubclass(TargetFailed, StageFailed)
    assert issubclass(LedgerFailed, StageFailed)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ("dev", "dev: its target (unix) cannot be reached without --docker"),
        ("far", "far: its target (ssh://deploy@far.example) cannot be reached without --ssh-key"),
    ],
)
def test_what_is_missing_is_named(environment: str, sentence: str) -> None:
    target = Target(Settings.parse(SETTINGS), environment, Credentials())
    with pytest.raises(Refused) as refusal:
        needed(target._what, "docker" if environment == "dev" else "ssh_key", None)
    assert str(refusal.value).startswith(sentence)
    assert ".env" in str(refusal.value)


def test_an_unknown_environment_has_no_target() -> None:
    with pytest.raises(Exception, match="no such environment"):
        protocol.Stack.of(Settings.parse(SETTINGS), "nowhere")
