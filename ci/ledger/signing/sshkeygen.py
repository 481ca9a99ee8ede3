"""Running ssh-keygen: the only place that does."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from ci.ledger.errors import SigningError

PROGRAM = "ssh-keygen"


@dataclass(frozen=True)
class Said:
    """What ssh-keygen said."""

    ok: bool
    out: str
    err: str


async def ssh_keygen(*arguments: str, text: bytes = b"", agent: str = "") -> Said:
    """Run ssh-keygen with a text on its standard input; nobody is asked for anything.

    Raises:
        SigningError: It is not installed.
    """
    # UTC, since times are given to it without a zone: that they may have one is too new.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "SSH_ASKPASS_REQUIRE": "never"}
    if agent:
        environment["SSH_AUTH_SOCK"] = agent
    try:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            # Without a terminal of its own, it would ask for a passphrase on whosever it finds.
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SigningError(f"{PROGRAM}: not found: install OpenSSH's client (openssh-client)") from error
    out, err = await process.communicate(text)
    return Said(process.returncode == 0, out.decode(errors="replace"), err.decode(errors="replace").strip())


def private_copy(key_file: str, folder: Path) -> Path:
    """Copy a private key to where ssh-keygen accepts it: read by nobody else, with the newline that secrets lose.

    Raises:
        SigningError: It cannot be read.
    """
    try:
        text = Path(key_file).read_bytes()
    except OSError as error:
        raise SigningError(f"{key_file}: cannot read the signing key: {error.strerror}") from error
    copy = folder / "key"
    copy.touch(mode=0o600)
    copy.write_bytes(text.replace(b"\r\n", b"\n").rstrip() + b"\n")
    return copy


def public_key(path: str) -> str:
    """Read a public key.

    Raises:
        SigningError: It cannot be read.
    """
    if not path:
        raise SigningError("an ssh-agent signs with the key that it is told: give the public key too")
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SigningError(f"{path}: cannot read the public key: {error}") from error
