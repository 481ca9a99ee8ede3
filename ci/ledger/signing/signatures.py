"""OpenSSH signatures, made and verified by ssh-keygen, so that ssh-agents and hardware keys work too."""

import base64
import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ci.ledger.errors import SigningError
from ci.ledger.signing.people import find_owner, parse_allowed_signers
from ci.ledger.signing.sshkeygen import copy_private_key, read_public_key, ssh_keygen

NAMESPACE = "slipway"
# The first characters of a binary revocation list (ssh-keygen -k) in base64.
REVOCATION_LIST = "U1NIS1JM"
NO_KEY = "is not a private key in OpenSSH's format (see ssh-keygen -t ed25519)"
NO_SIGNERS = (
    "allowed_signers is missing or empty: add a line for each person, with NAME, key type and key "
    "(see docs/approvals.md, and allowed_signers under [signing] in pipeline.toml)"
)
# By a part of ssh-keygen's message: the problem and the next step.
ADVICE = {
    "passphrase": "has a passphrase, and there is no prompt here: load it into an ssh-agent (ssh-add) and give the "
    "agent's socket and the public key, or give a key without a passphrase",
    "libcrypto": NO_KEY,
    "invalid format": NO_KEY,
    "load public key": NO_KEY,
    "agent socket": "no ssh-agent answers at this socket: is it running (ssh-add -l)?",
    "key in agent": "the ssh-agent does not hold this key: load it with ssh-add",
}

# Verified signatures of this process, which reads the ledger again after a write: each saves a few milliseconds. They
# are kept in memory alone, where no other process can add one.
_verified: set[tuple[str, str, str, bytes, str, datetime]] = set()


@dataclasses.dataclass(frozen=True)
class SigningKey:
    """The key to sign with; all empty: none."""

    # A private key without a passphrase.
    key_file: str = ""
    # With an ssh-agent: which of its keys.
    public_key_file: str = ""
    agent_socket: str = ""


@dataclasses.dataclass(frozen=True)
class Signatures:
    """Signs with one key, and verifies by the allowed signers and the revoked keys."""

    allowed_signers: str = ""
    # Public keys a line each, or a revocation list in base64.
    revoked: str = ""
    key: SigningKey = SigningKey()

    @property
    def can_sign(self) -> bool:
        """Whether there is a key to sign with."""
        return any(dataclasses.astuple(self.key))

    def check(self) -> None:
        """Check that the allowed signers and the revoked keys can be read.

        Raises:
            SigningError: They cannot.
        """
        parse_allowed_signers(self.allowed_signers)
        _revocations(self.revoked)

    async def find_actor(self) -> str:
        """Return the owner of the key to sign with; empty: there is no key.

        Raises:
            SigningError: The key is unknown or unusable.
        """
        if not self.can_sign:
            return ""
        key = await self._public_key()
        name = find_owner(key, parse_allowed_signers(self.allowed_signers))
        if not name and not self.allowed_signers.strip():
            raise SigningError(f"the owner of the signing key is unknown: {NO_SIGNERS}")
        if not name:
            raise SigningError(
                f"the signing key ({' '.join(key.split()[:2])}) is not in allowed_signers: add it there as a line with "
                "the person's name before it, or sign with a key that is there"
            )
        return name

    async def sign(self, text: bytes) -> str:
        """Sign a text and return the armored signature.

        Raises:
            SigningError: The key cannot be used.
        """
        with tempfile.TemporaryDirectory() as name:
            if not self.key.key_file:
                where, how = self.key.public_key_file, ["-U", "-f", self.key.public_key_file]
            else:
                where = self.key.key_file
                how = ["-f", str(copy_private_key(where, Path(name)))]
            result = await ssh_keygen("-Y", "sign", "-n", NAMESPACE, *how, text=text, agent=self.key.agent_socket)
        if not result.ok:
            raise _key_error(where, result.err)
        return result.out

    async def is_signed_by(self, name: str, text: bytes, signature: str, at: datetime) -> bool:
        """Return whether a person signed a text with a key that was valid then and is not revoked."""
        known = (self.allowed_signers, self.revoked, name, text, signature, at)
        if known not in _verified:
            with self._files(signature) as files:
                result = await ssh_keygen("-Y", "verify", "-n", NAMESPACE, "-I", name, *files, _when(at), text=text)
            if not result.ok:
                return False
            _verified.add(known)
        return True

    async def find_signers(self, text: bytes, signature: str, at: datetime) -> tuple[str, ...]:
        """Return the people whose keys validly signed a text; empty: none."""
        with self._files(signature, revoked=False) as files:
            result = await ssh_keygen("-Y", "find-principals", *files, _when(at))
        names = result.out.split("\n") if result.ok else []
        return tuple([name for name in names if name and await self.is_signed_by(name, text, signature, at)])

    async def explain_invalid(self, text: bytes, signature: str, at: datetime) -> str:
        """Explain why a signature is invalid, as the end of a sentence: `by …` or `with …`."""
        if not self.allowed_signers.strip():
            return f"by a key of an unknown owner: {NO_SIGNERS}"
        with self._files(signature, revoked=False) as files:
            found = await ssh_keygen("-Y", "find-principals", *files, _when(at))
            names = [name for name in found.out.split("\n") if name] if found.ok else []
            if not names:
                expired = "expired" in found.err or "not yet valid" in found.err
                known = "by a key that was not valid then" if expired else "by a key that is not in allowed_signers"
                return known if "parse" not in found.err else "with an invalid signature"
            checked = await ssh_keygen("-Y", "verify", "-n", NAMESPACE, "-I", names[0], *files, _when(at), text=text)
        if checked.ok:
            return f"by a revoked key of {names[0]}"
        if "namespace" in checked.err:
            return f"by {names[0]} for something else: the namespace must be {NAMESPACE}"
        return f"by {names[0]} over another text"

    async def _public_key(self) -> str:
        if not self.key.key_file:
            return read_public_key(self.key.public_key_file)
        with tempfile.TemporaryDirectory() as name:
            copy = copy_private_key(self.key.key_file, Path(name))
            result = await ssh_keygen("-y", "-P", "", "-f", str(copy))
        if not result.ok:
            raise _key_error(self.key.key_file, result.err)
        return result.out

    @contextmanager
    def _files(self, signature: str, *, revoked: bool = True) -> Iterator[list[str]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "allowed_signers").write_text(self.allowed_signers)
            (folder / "signature").write_text(signature)
            files = ["-f", str(folder / "allowed_signers"), "-s", str(folder / "signature")]
            if revoked and self.revoked.strip():
                (folder / "revoked").write_bytes(_revocations(self.revoked))
                files += ["-r", str(folder / "revoked")]
            yield files


def _when(at: datetime) -> str:
    return f"-Overify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"


def _revocations(text: str) -> bytes:
    if not text.startswith(REVOCATION_LIST):
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise SigningError(
            "the list of revoked keys is not base64: encode the output of ssh-keygen -k with base64"
        ) from error


def _key_error(where: str, message: str) -> SigningError:
    advice = next((advice for sign, advice in ADVICE.items() if sign in message), f"cannot be used: {message}")
    return SigningError(f"{where}: {advice}")
