"""Secrets: where they come from, and that no text shows them."""

import base64
from pathlib import Path

import pytest

from slipway_engine.errors import UsageError
from slipway_engine.model.secret import Secret
from slipway_engine.store.database import Store
from slipway_engine.store.secrets import MASK, Secrets


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(Store(tmp_path))


async def test_a_variable_a_file_and_a_command_are_sources(
    secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "from-env")
    (tmp_path / "token").write_text("from-file")
    assert await secrets.plaintext(Secret(uri="env:TOKEN")) == "from-env"
    assert await secrets.plaintext(Secret(uri="env://TOKEN")) == "from-env"
    assert await secrets.plaintext(Secret(uri=f"file:{tmp_path}/token")) == "from-file"
    assert await secrets.plaintext(Secret(uri="cmd:echo from-cmd")) == "from-cmd"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("file:/no/such/file", "No such file"),
        ("cmd:echo broken >&2; exit 3", "exited with 3: broken"),
        ("vault:x", "unknown scheme 'vault'"),
    ],
)
async def test_missing_source_of_a_secret_is_an_error(secrets: Secrets, uri: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        await secrets.plaintext(Secret(uri=uri))


def test_a_secret_is_masked_in_every_shape(secrets: Secrets) -> None:
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n"
    secrets.keep(Secret(name="key"), key)
    secrets.keep(Secret(name="password"), "s3cr3t/word?")
    encoded = base64.b64encode(b"s3cr3t/word?").decode()
    text = f"pw=s3cr3t/word? b64={encoded} line: ijklmnop all: {key}"
    scrubbed = secrets.scrub(text)
    assert MASK in scrubbed
    for part in ("s3cr3t", encoded, "ijklmnop", "abcdefgh"):
        assert part not in scrubbed


def test_errors_are_masked_in_their_depth(secrets: Secrets) -> None:
    secrets.keep(Secret(name="password"), "hunter22")
    report = secrets.scrub_json({"message": "no hunter22", "extensions": {"cmd": ["echo", "hunter22"], "exitCode": 1}})
    assert "hunter22" not in str(report)
    assert report["extensions"]["exitCode"] == 1


def test_fingerprint_depends_on_the_key_of_the_store(secrets: Secrets, tmp_path: Path) -> None:
    kept = secrets.keep(Secret(name="password"), "hunter22")
    same = Secrets(Store(tmp_path)).keep(Secret(name="password"), "hunter22")
    other = Secrets(Store(tmp_path / "other")).keep(Secret(name="password"), "hunter22")
    assert kept == same
    assert kept.plain != other.plain
    assert "hunter22" not in str(kept.encoded)
