"""Runs of ssh-keygen: the only place that starts it."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from ci.ledger.errors import SigningError

PROGRAM = "ssh-keygen"


@dataclass(frozen=True)
class Completed:
    """The result of a run."""

    ok: bool
    out: str
    err: str


async def ssh_keygen(*arguments: str, text: bytes = b"", agent: str = "") -> Completed:
    """Run ssh-keygen with a text on its standard input, and without prompts.

    Raises:
        SigningError: ssh-keygen is not installed.
    """
    # Times have no zone: ssh-keygen in Debian 12 does not accept one.
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
            # With a terminal, ssh-keygen would prompt for a passphrase there.
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SigningError(f"{PROGRAM}: not found: install OpenSSH's client (openssh-client)") from error
    out, err = await process.communicate(text)
    return Completed(process.returncode == 0, out.decode(errors="replace"), err.decode(errors="replace").strip())


def copy_private_key(key_file: str, folder: Path) -> Path:
    """Copy a private key so that ssh-keygen accepts it: readable by its owner only, and with a final newline.

    Raises:
        SigningError: The file cannot be read.
    """
    try:
        text = Path(key_file).read_bytes()
    except OSError as error:
        raise SigningError(f"{key_file}: cannot read the signing key: {error.strerror}") from error
    copy = folder / "key"
    copy.touch(mode=0o600)
    copy.write_bytes(text.replace(b"\r\n", b"\n").rstrip() + b"\n")
    return copy


def read_public_key(path: str) -> str:
    """Read a public key.

    Raises:
        SigningError: The file cannot be read.
    """
    if not path:
        raise SigningError("an ssh-agent needs the public key to choose its key: add --public-key")
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SigningError(f"{path}: cannot read the public key: {error}") from error
