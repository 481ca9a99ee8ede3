"""Secrets on a target."""

import pytest

from ci.targets.errors import DaemonError
from tests.targets.contract.conftest import Subject


async def test_new_values_of_a_secret_are_numbered(subject: Subject) -> None:
    assert await subject.target.set_secret("numbered", b"one") == 1
    assert await subject.target.set_secret("numbered", b"two") == 2
    assert await subject.target.set_secret("numbered", b"three") == 3
    found = next(secret for secret in await subject.target.list_secrets() if secret.name == "numbered")
    assert not found.declared
    # The first value is read by no release; the second may be about to be.
    assert [value.version for value in found.versions] == [2, 3]


@pytest.mark.parametrize(("name", "value"), [("empty", b""), ("large", b"x" * 500_001), ("../name", b"value")])
async def test_unusable_secret_is_refused(subject: Subject, name: str, value: bytes) -> None:
    with pytest.raises(DaemonError, match="secret"):
        await subject.target.set_secret(name, value)
    assert name not in {secret.name for secret in await subject.target.list_secrets()}
