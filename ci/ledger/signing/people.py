"""The `allowed_signers` file: which key belongs to which person (ALLOWED SIGNERS in ssh-keygen(1))."""

import base64
import binascii
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from ci.ledger.errors import SigningError

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")
KEY_TYPE = re.compile(r"^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+$")


@dataclass(frozen=True)
class AllowedSigner:
    """A key, and the people who sign with it."""

    names: tuple[str, ...]
    key_type: str
    key: str


def parse_allowed_signers(text: str) -> tuple[AllowedSigner, ...]:
    """Parse the file; ssh-keygen would skip invalid lines without an error.

    Raises:
        SigningError: A line is invalid.
    """
    return tuple(_lines(text))


def find_owner(public_key: str, lines: tuple[AllowedSigner, ...]) -> str:
    """Return the person who owns a public key; empty: the key is unknown."""
    key_type, key, *_ = [*public_key.split(), "", ""]
    owners = (name for line in lines if (line.key_type, line.key) == (key_type, key) for name in line.names)
    # A principal may be a pattern, which names no person.
    return next((name for name in owners if NAME.match(name)), "")


def _lines(text: str) -> Iterator[AllowedSigner]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        names, *rest = _split(line, number)
        if rest and not KEY_TYPE.match(rest[0]):
            rest = rest[1:]
        if len(rest) < len(("type", "key")) or not KEY_TYPE.match(rest[0]) or not _is_key(rest[1]):
            raise _wrong(number)
        yield AllowedSigner(tuple(names.split(",")), rest[0], rest[1])


def _split(line: str, number: int) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise _wrong(number) from error


def _is_key(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        return False


def _wrong(number: int) -> SigningError:
    return SigningError(
        f"allowed_signers: line {number}: must be NAME, options if any, key type and key, "
        'like: lead namespaces="slipway" ssh-ed25519 AAAA…'
    )
