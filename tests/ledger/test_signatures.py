"""Keys and signatures, with the real ssh-keygen and a real ssh-agent."""

import base64
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.ledger.errors import SigningError
from ci.ledger.signing.people import find_owner, parse_allowed_signers
from ci.ledger.signing.signatures import Signatures, SigningKey
from tests.ledger.workspace import new_key, ssh_keygen

NOW = datetime.now(UTC)
TEXT = b"a text\n"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """An ssh-agent that holds nothing yet."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            assert process.poll() is None
        yield str(socket)
        process.terminate()


def add(agent: str, key: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(key)], env={"SSH_AUTH_SOCK": agent, "PATH": "/usr/bin"}, check=True)


def with_key(allowed_signers: str, key: Path) -> Signatures:
    return Signatures(allowed_signers, key=SigningKey(str(key)))


async def test_key_signs_for_its_owner(keys: dict[str, Path], allowed_signers: str) -> None:
    signatures = with_key(allowed_signers, keys["lead"])
    signature = await signatures.sign(TEXT)
    assert await signatures.find_actor() == "lead"
    assert await signatures.find_signers(TEXT, signature, NOW) == ("lead",)
    assert await signatures.is_signed_by("lead", TEXT, signature, NOW)
    assert not await signatures.is_signed_by("author", TEXT, signature, NOW)
    assert not await signatures.is_signed_by("lead", b"another", signature, NOW)


async def test_signature_is_verified_by_plain_ssh_keygen(
    keys: dict[str, Path], allowed_signers: str, tmp_path: Path
) -> None:
    (tmp_path / "allowed").write_text(allowed_signers)
    (tmp_path / "sig").write_text(await with_key(allowed_signers, keys["lead"]).sign(TEXT))
    files = ["-f", str(tmp_path / "allowed"), "-s", str(tmp_path / "sig")]
    output = ssh_keygen("-Y", "verify", "-n", "slipway", "-I", "lead", *files, text=TEXT.decode())
    assert output.startswith('Good "slipway" signature for lead')


async def test_ssh_agent_signs(keys: dict[str, Path], allowed_signers: str, agent: str) -> None:
    signer = SigningKey(public_key_file=str(keys["lead"].with_suffix(".pub")), agent_socket=agent)
    signatures = Signatures(allowed_signers, key=signer)
    with pytest.raises(SigningError, match="the ssh-agent does not hold this key"):
        await signatures.sign(TEXT)
    add(agent, keys["lead"])
    assert await signatures.find_actor() == "lead"
    assert await signatures.find_signers(TEXT, await signatures.sign(TEXT), NOW) == ("lead",)


async def test_missing_agent_is_an_error(keys: dict[str, Path], allowed_signers: str, tmp_path: Path) -> None:
    signer = SigningKey(public_key_file=str(keys["lead"].with_suffix(".pub")), agent_socket=str(tmp_path / "none"))
    with pytest.raises(SigningError, match="no ssh-agent answers"):
        await Signatures(allowed_signers, key=signer).sign(TEXT)


async def test_key_without_its_last_newline_signs(keys: dict[str, Path], allowed_signers: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(keys["lead"].read_text().rstrip().replace("\n", "\r\n"))
    assert await with_key(allowed_signers, key).find_actor() == "lead"


async def test_unusable_key_is_refused_with_advice(allowed_signers: str, tmp_path: Path) -> None:
    locked = new_key(tmp_path / "locked", "a passphrase")
    bad = tmp_path / "bad"
    bad.write_text("no key")
    for key, why in ((locked, "has a passphrase"), (bad, "is not a private key"), (tmp_path / "none", "cannot read")):
        signatures = with_key(allowed_signers, key)
        with pytest.raises(SigningError, match=f"{key}: .*{why}"):
            await signatures.sign(TEXT)
        with pytest.raises(SigningError, match=f"{key}: .*{why}"):
            await signatures.find_actor()


async def test_unknown_key_signs_for_no_person(keys: dict[str, Path], allowed_signers: str) -> None:
    signatures = with_key(allowed_signers, keys["stranger"])
    with pytest.raises(SigningError, match="is not in allowed_signers: add it there"):
        await signatures.find_actor()
    signature = await signatures.sign(TEXT)
    assert await signatures.find_signers(TEXT, signature, NOW) == ()
    assert await signatures.explain_invalid(TEXT, signature, NOW) == "by a key that is not in allowed_signers"


async def test_key_signs_only_within_its_validity(keys: dict[str, Path]) -> None:
    public = keys["lead"].with_suffix(".pub").read_text()
    signatures = with_key(f'lead valid-after="20260101",valid-before="20260201" {public}', keys["lead"])
    signature = await signatures.sign(TEXT)
    inside, outside = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC)
    assert await signatures.find_signers(TEXT, signature, inside) == ("lead",)
    assert await signatures.find_signers(TEXT, signature, outside) == ()
    assert await signatures.explain_invalid(TEXT, signature, outside) == "by a key that was not valid then"


@pytest.mark.parametrize("form", ["public key", "list"])
async def test_revoked_key_signs_for_no_person(
    keys: dict[str, Path], allowed_signers: str, tmp_path: Path, form: str
) -> None:
    revoked = keys["lead"].with_suffix(".pub").read_text()
    if form == "list":
        ssh_keygen("-q", "-k", "-f", str(tmp_path / "krl"), str(keys["lead"].with_suffix(".pub")))
        revoked = base64.b64encode((tmp_path / "krl").read_bytes()).decode()
    signature = await with_key(allowed_signers, keys["lead"]).sign(TEXT)
    signatures = Signatures(allowed_signers, revoked)
    assert await signatures.find_signers(TEXT, signature, NOW) == ()
    assert await signatures.explain_invalid(TEXT, signature, NOW) == "by a revoked key of lead"
    other = await with_key(allowed_signers, keys["author"]).sign(TEXT)
    assert await signatures.find_signers(TEXT, other, NOW) == ("author",)


async def test_signature_of_another_namespace_is_invalid(keys: dict[str, Path], allowed_signers: str) -> None:
    signature = ssh_keygen("-Y", "sign", "-n", "git", "-f", str(keys["lead"]), text=TEXT.decode())
    signatures = Signatures(allowed_signers)
    assert await signatures.find_signers(TEXT, signature, NOW) == ()
    what = "by lead for something else: the namespace must be slipway"
    assert await signatures.explain_invalid(TEXT, signature, NOW) == what


async def test_missing_ssh_keygen_is_an_error(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, Path], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SigningError, match="ssh-keygen: not found: install OpenSSH's client"):
        await with_key("", keys["lead"]).sign(TEXT)


def test_allowed_signers_are_parsed(allowed_signers: str) -> None:
    text = f'# people\n\n{allowed_signers}ops,ops@example.org valid-before="20300101" ssh-ed25519 AAAA comment\n'
    lines = parse_allowed_signers(text)
    assert [line.names for line in lines] == [("author",), ("lead",), ("stakeholder",), ("ops", "ops@example.org")]


@pytest.mark.parametrize(
    "line", ["lead", "lead ssh-ed25519", "lead ssh-ed25519 not/base64!", 'lead "', "ssh-ed25519 A"]
)
def test_invalid_line_of_allowed_signers_is_an_error(line: str) -> None:
    with pytest.raises(SigningError, match="allowed_signers: line 2: must be NAME, options if any"):
        parse_allowed_signers(f"# people\n{line}\n")


def test_invalid_revocation_list_is_an_error() -> None:
    with pytest.raises(SigningError, match="is not base64"):
        Signatures(revoked="U1NIS1JM=!").check()


def test_pattern_is_not_a_person(keys: dict[str, Path]) -> None:
    public = keys["lead"].with_suffix(".pub").read_text()
    assert find_owner(public, parse_allowed_signers(f"*@example.org {public}")) == ""
    assert find_owner(public, parse_allowed_signers(f"*@example.org,lead {public}")) == "lead"


@pytest.mark.parametrize("text", ["", "\n"])
async def test_missing_allowed_signers_are_named(keys: dict[str, Path], allowed_signers: str, text: str) -> None:
    signatures = with_key(text, keys["lead"])
    with pytest.raises(SigningError, match="the owner of the signing key is unknown: allowed_signers is missing"):
        await signatures.find_actor()
    signature = await with_key(allowed_signers, keys["lead"]).sign(TEXT)
    why = await signatures.explain_invalid(TEXT, signature, NOW)
    assert why.startswith(
        "by a key of an unknown owner: allowed_signers is missing or empty: add a line for each person"
    )
