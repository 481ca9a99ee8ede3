"""Credentials that belong together are given together."""

import pytest
from dagger import dag

from ci.stages.credentials import Credentials
from ci.stages.errors import Refused

PASSWORD = dag.set_secret("password", "hidden")
AGENT = dag.address("unix:///run/agent.sock").socket()
PUBLIC_KEY = dag.directory().with_new_file("key.pub", "ssh-ed25519 AAAA").file("key.pub")
KEY = dag.set_secret("key", "hidden")

USER = "--registry-user (REGISTRYUSER in .env)"
REGISTRY_PASSWORD = "--registry-password (REGISTRYPASSWORD in .env)"  # noqa: S105 - a flag's name
SSH_AGENT = "--ssh-agent (SSHAGENT in .env)"
PUBLIC = "--public-key (PUBLICKEY in .env)"


@pytest.mark.parametrize(
    ("credentials", "given", "missing"),
    [
        (Credentials(registry_user="robot"), USER, REGISTRY_PASSWORD),
        (Credentials(registry_password=PASSWORD), REGISTRY_PASSWORD, USER),
        (Credentials(ssh_agent=AGENT), SSH_AGENT, PUBLIC),
        (Credentials(public_key=PUBLIC_KEY, signing_key=KEY), PUBLIC, SSH_AGENT),
    ],
)
def test_half_of_a_pair_is_refused(credentials: Credentials, given: str, missing: str) -> None:
    with pytest.raises(Refused) as refusal:
        credentials.check()
    assert str(refusal.value) == f"{given} needs {missing}: give both, or neither"


def test_every_broken_pair_is_named_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        Credentials(registry_user="robot", public_key=PUBLIC_KEY).check()
    assert len(str(refusal.value).splitlines()) == 2


def test_whole_pairs_and_single_keys_are_accepted() -> None:
    Credentials().check()
    Credentials(signing_key=KEY).check()
    Credentials(registry_user="robot", registry_password=PASSWORD, ssh_agent=AGENT, public_key=PUBLIC_KEY).check()
    # A key of the call replaces the ssh-agent, and what is left of its pair.
    Credentials(ssh_agent=AGENT).with_signing_key(KEY).check()
