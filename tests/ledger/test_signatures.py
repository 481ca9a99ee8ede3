"""Keys and signatures, with the real ssh-keygen and a real ssh-agent."""

import base64
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.ledger.errors import SigningError
from ci.ledger.signing.people import owner_of, read_allowed_signers
from ci.ledger.signing.signatures import Signatures, Signer
from tests.ledger.desk import new_key, ssh_keygen

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
    return Signatures(allowed_signers, signer=Signer(str(key)))


async def test_a_key_signs_for_its_owner(keys: dict[str, Path], allowed_signers: str) -> None:
    signatures = with_key(allowed_signers, keys["lead"])
    signature = await signatures.sign(TEXT)
    assert await signatures.me() == "lead"
    assert await signatures.owners(TEXT, signature, NOW) == ("lead",)
    assert await signatures.is_by("lead", TEXT, signature, NOW)
    assert not await signatures.is_by("author", TEXT, signature, NOW)
    assert not await signatures.is_by("lead", b"another", signature, NOW)


async def test_the_signature_is_one_that_anybody_verifies(
    keys: dict[str, Path], allowed_signers: str, tmp_path: Path
) -> None:
    (tmp_path / "allowed").write_text(allowed_signers)
    (tmp_path / "sig").write_text(await with_key(allowed_signers, keys["lead"]).sign(TEXT))
    files = ["-f", str(tmp_path / "allowed"), "-s", str(tmp_path / "sig")]
    said = ssh_keygen("-Y", "verify", "-n", "slipway", "-I", "lead", *files, text=TEXT.decode())
    assert said.startswith('Good "slipway" signature for lead')


async def test_an_agent_signs(keys: dict[str, Path], allowed_signers: str, agent: str) -> None:
    signer = Signer(public_key_file=str(keys["lead"].with_suffix(".pub")), agent_socket=agent)
    signatures = Signatures(allowed_signers, signer=signer)
    with pytest.raises(SigningError, match="the ssh-agent does not hold it"):
        await signatures.sign(TEXT)
    add(agent, keys["lead"])
    assert await signatures.me() == "lead"
    assert await signatures.owners(TEXT, await signatures.sign(TEXT), NOW) == ("lead",)


async def test_no_agent_answers(keys: dict[str, Path], allowed_signers: str, tmp_path: Path) -> None:
    signer = Signer(public_key_file=str(keys["lead"].with_suffix(".pub")), agent_socket=str(tmp_path / "none"))
    with pytest.raises(SigningError, match="no ssh-agent answers"):
        await Signatures(allowed_signers, signer=signer).sign(TEXT)


async def test_a_key_that_lost_its_last_newline(keys: dict[str, Path], allowed_signers: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(keys["lead"].read_text().rstrip().replace("\n", "\r\n"))
    assert await with_key(allowed_signers, key).me() == "lead"


async def test_keys_that_cannot_sign(allowed_signers: str, tmp_path: Path) -> None:
    locked = new_key(tmp_path / "locked", "a passphrase")
    bad = tmp_path / "bad"
    bad.write_text("no key")
    for key, why in ((locked, "has a passphrase"), (bad, "is no private key"), (tmp_path / "none", "cannot read")):
        signatures = with_key(allowed_signers, key)
        with pytest.raises(SigningError, match=f"{key}: .*{why}"):
            await signatures.sign(TEXT)
        with pytest.raises(SigningError, match=f"{key}: .*{why}"):
            await signatures.me()


async def test_nobodys_key(keys: dict[str, Path], allowed_signers: str) -> None:
    signatures = with_key(allowed_signers, keys["stranger"])
    with pytest.raises(SigningError, match="nobody's: add it to allowed_signers"):
        await signatures.me()
    signature = await signatures.sign(TEXT)
    assert await signatures.owners(TEXT, signature, NOW) == ()
    assert await signatures.explain(TEXT, signature, NOW) == "by a key that is nobody's in allowed_signers"


async def test_a_key_that_is_good_for_a_time(keys: dict[str, Path]) -> None:
    public = keys["lead"].with_suffix(".pub").read_text()
    signatures = with_key(f'lead valid-after="20260101",valid-before="20260201" {public}', keys["lead"])
    signature = await signatures.sign(TEXT)
    inside, outside = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC)
    assert await signatures.owners(TEXT, signature, inside) == ("lead",)
    assert await signatures.owners(TEXT, signature, outside) == ()
    assert await signatures.explain(TEXT, signature, outside) == "by a key that was not valid then"


@pytest.mark.parametrize("form", ["public key", "list"])
async def test_a_revoked_key(keys: dict[str, Path], allowed_signers: str, tmp_path: Path, form: str) -> None:
    revoked = keys["lead"].with_suffix(".pub").read_text()
    if form == "list":
        ssh_keygen("-q", "-k", "-f", str(tmp_path / "krl"), str(keys["lead"].with_suffix(".pub")))
        revoked = base64.b64encode((tmp_path / "krl").read_bytes()).decode()
    signature = await with_key(allowed_signers, keys["lead"]).sign(TEXT)
    signatures = Signatures(allowed_signers, revoked)
    assert await signatures.owners(TEXT, signature, NOW) == ()
    assert await signatures.explain(TEXT, signature, NOW) == "by a revoked key of lead"
    other = await with_key(allowed_signers, keys["author"]).sign(TEXT)
    assert await signatures.owners(TEXT, other, NOW) == ("author",)


async def test_a_signature_for_something_else(keys: dict[str, Path], allowed_signers: str) -> None:
    signature = ssh_keygen("-Y", "sign", "-n", "git", "-f", str(keys["lead"]), text=TEXT.decode())
    signatures = Signatures(allowed_signers)
    assert await signatures.owners(TEXT, signature, NOW) == ()
    what = "by lead for something else: the namespace must be slipway"
    assert await signatures.explain(TEXT, signature, NOW) == what


async def test_without_ssh_keygen(monkeypatch: pytest.MonkeyPatch, keys: dict[str, Path], tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SigningError, match="ssh-keygen: not found: install OpenSSH's client"):
        await with_key("", keys["lead"]).sign(TEXT)


def test_whose_keys_they_are(allowed_signers: str) -> None:
    text = f'# people\n\n{allowed_signers}ops,ops@example.org valid-before="20300101" ssh-ed25519 AAAA comment\n'
    lines = read_allowed_signers(text)
    assert [line.names for line in lines] == [("author",), ("lead",), ("stakeholder",), ("ops", "ops@example.org")]


@pytest.mark.parametrize(
    "line", ["lead", "lead ssh-ed25519", "lead ssh-ed25519 not/base64!", 'lead "', "ssh-ed25519 A"]
)
def test_a_line_that_ssh_keygen_would_pass_over(line: str) -> None:
    with pytest.raises(SigningError, match="allowed_signers: line 2: must be NAME, options if any"):
        read_allowed_signers(f"# people\n{line}\n")


def test_a_revocation_list_that_is_none() -> None:
    with pytest.raises(SigningError, match="no base64"):
        Signatures(revoked="U1NIS1JM=!").check()


def test_a_pattern_is_nobodys_name(keys: dict[str, Path]) -> None:
    public = keys["lead"].with_suffix(".pub").read_text()
    assert owner_of(public, read_allowed_signers(f"*@example.org {public}")) == ""
    assert owner_of(public, read_allowed_signers(f"*@example.org,lead {public}")) == "lead"
