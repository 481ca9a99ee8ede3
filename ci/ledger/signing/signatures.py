"""OpenSSH signatures: made and verified by the real ssh-keygen, so that agents and hardware keys work where it does."""

import base64
import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ci.ledger.errors import SigningError
from ci.ledger.signing.people import owner_of, read_allowed_signers
from ci.ledger.signing.sshkeygen import private_copy, public_key, ssh_keygen

NAMESPACE = "slipway"
# How a binary revocation list (ssh-keygen -k) starts when it is given in base64.
REVOCATION_LIST = "U1NIS1JM"
NO_KEY = "is no private key in OpenSSH's own format (see ssh-keygen -t ed25519)"
# What ssh-keygen says about a key, and what to do about it.
ADVICE = {
    "passphrase": "has a passphrase, which nobody can type here: load it into an ssh-agent (ssh-add) and give the "
    "agent's socket and the public key, or give a key without one",
    "libcrypto": NO_KEY,
    "invalid format": NO_KEY,
    "load public key": NO_KEY,
    "agent socket": "no ssh-agent answers at the socket that was given: is it running (ssh-add -l)?",
    "key in agent": "the ssh-agent does not hold it: load it with ssh-add",
}

# What was found good in this process, which reads the ledger anew after it wrote: a few milliseconds each. Nothing of
# it is kept anywhere else, where somebody could add to it.
_verified: set[tuple[str, str, str, bytes, str, datetime]] = set()


@dataclasses.dataclass(frozen=True)
class Signer:
    """What to sign with; all empty: nothing."""

    # A private key without a passphrase.
    key_file: str = ""
    # With an agent: which of its keys.
    public_key_file: str = ""
    agent_socket: str = ""


@dataclasses.dataclass(frozen=True)
class Signatures:
    """Signs with one key, and knows whose signatures count."""

    allowed_signers: str = ""
    # Public keys a line each, or a revocation list in base64.
    revoked: str = ""
    signer: Signer = Signer()

    @property
    def can_sign(self) -> bool:
        """Tell whether there is a key."""
        return any(dataclasses.astuple(self.signer))

    def check(self) -> None:
        """Make sure that the keys that count can be read.

        Raises:
            SigningError: They cannot.
        """
        read_allowed_signers(self.allowed_signers)
        _revocations(self.revoked)

    async def me(self) -> str:
        """Return whose key signs here; empty: there is none.

        Raises:
            SigningError: It is nobody's, or no key.
        """
        if not self.can_sign:
            return ""
        key = await self._public_key()
        name = owner_of(key, read_allowed_signers(self.allowed_signers))
        if not name:
            raise SigningError(
                f"the signing key ({' '.join(key.split()[:2])}) is nobody's: add it to allowed_signers as a line with "
                "the person's name before it, or sign with a key that is there"
            )
        return name

    async def sign(self, text: bytes) -> str:
        """Sign a text and return the armored signature.

        Raises:
            SigningError: The key cannot be used.
        """
        with tempfile.TemporaryDirectory() as name:
            if not self.signer.key_file:
                where, how = self.signer.public_key_file, ["-U", "-f", self.signer.public_key_file]
            else:
                where = self.signer.key_file
                how = ["-f", str(private_copy(where, Path(name)))]
            said = await ssh_keygen("-Y", "sign", "-n", NAMESPACE, *how, text=text, agent=self.signer.agent_socket)
        if not said.ok:
            raise _unfit(where, said.err)
        return said.out

    async def is_by(self, name: str, text: bytes, signature: str, at: datetime) -> bool:
        """Tell whether a text was signed by a person whose key was good at that time and is not revoked."""
        known = (self.allowed_signers, self.revoked, name, text, signature, at)
        if known not in _verified:
            with self._files(signature) as files:
                said = await ssh_keygen("-Y", "verify", "-n", NAMESPACE, "-I", name, *files, _when(at), text=text)
            if not said.ok:
                return False
            _verified.add(known)
        return True

    async def owners(self, text: bytes, signature: str, at: datetime) -> tuple[str, ...]:
        """Return the names of everybody who may have made a signature that is good for a text; empty: nobody."""
        with self._files(signature, revoked=False) as files:
            said = await ssh_keygen("-Y", "find-principals", *files, _when(at))
        names = said.out.split("\n") if said.ok else []
        return tuple([name for name in names if name and await self.is_by(name, text, signature, at)])

    async def explain(self, text: bytes, signature: str, at: datetime) -> str:
        """Say what is wrong with a signature that is nobody's."""
        with self._files(signature, revoked=False) as files:
            found = await ssh_keygen("-Y", "find-principals", *files, _when(at))
            names = [name for name in found.out.split("\n") if name] if found.ok else []
            if not names:
                expired = "expired" in found.err or "not yet valid" in found.err
                known = (
                    "by a key that was not valid then" if expired else "by a key that is nobody's in allowed_signers"
                )
                return known if "parse" not in found.err else "with what is no signature"
            checked = await ssh_keygen("-Y", "verify", "-n", NAMESPACE, "-I", names[0], *files, _when(at), text=text)
        if checked.ok:
            return f"by a revoked key of {names[0]}"
        if "namespace" in checked.err:
            return f"by {names[0]} for something else: the namespace must be {NAMESPACE}"
        return f"by {names[0]} over another text"

    async def _public_key(self) -> str:
        if not self.signer.key_file:
            return public_key(self.signer.public_key_file)
        with tempfile.TemporaryDirectory() as name:
            copy = private_copy(self.signer.key_file, Path(name))
            said = await ssh_keygen("-y", "-P", "", "-f", str(copy))
        if not said.ok:
            raise _unfit(self.signer.key_file, said.err)
        return said.out

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
        raise SigningError("the list of revoked keys is no base64: make it with base64 from ssh-keygen -k's") from error


def _unfit(where: str, said: str) -> SigningError:
    advice = next((advice for sign, advice in ADVICE.items() if sign in said), f"cannot be used: {said}")
    return SigningError(f"{where}: {advice}")
