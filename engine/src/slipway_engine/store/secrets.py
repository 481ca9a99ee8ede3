"""Secrets: where their values come from, and how they are kept out of everything that people read."""

import asyncio
import base64
import dataclasses
import hmac
import os
import secrets as random
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from slipway_engine.errors import UsageError
from slipway_engine.model.secret import Secret
from slipway_engine.store.database import Store

Kind = TypeVar("Kind", bound=Secret)

MASK = "***"
SHORTEST_LINE = 4  # shorter lines of a secret are too common to be masked one by one


class Secrets:
    """The secrets of one engine; values live in memory only."""

    def __init__(self, store: Store) -> None:
        """Start with none."""
        self._store = store
        self._values: dict[str, str] = {}
        self._masked: list[str] = []

    def keep(self, secret: Kind, plaintext: str) -> Kind:
        """Keep a value under a secret's name for this engine's life, and return the secret that stands for it."""
        kept = dataclasses.replace(secret, plain=self._fingerprint(secret.name, plaintext))
        self._keep(kept, plaintext)
        return kept

    async def plaintext(self, secret: Secret) -> str:
        """Return a secret's value, fetched from where its URI points the first time.

        Raises UsageError when there is no such variable or file, or the command fails.
        """
        if secret.identity not in self._values:
            if not secret.uri:
                raise UsageError(f"the secret {secret.name!r} was set in another session: set it again")
            self._keep(secret, await _fetch(secret.uri))
        return self._values[secret.identity]

    def fingerprint(self, secret: Secret) -> str:
        """Return what stands for the value in keys: useless without this machine's own key."""
        if secret.plain:
            return secret.plain
        if secret.identity in self._values:
            return self._fingerprint(secret.uri, self._values[secret.identity])
        return secret.uri

    def scrub(self, text: str) -> str:
        """Return a text with every known secret masked, also line by line and in base64."""
        for value in self._masked:
            text = text.replace(value, MASK)
        return text

    def scrub_json(self, value: Any) -> Any:
        """Return a JSON value with every known secret in its texts masked."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, list):
            return [self.scrub_json(item) for item in value]
        if isinstance(value, dict):
            return {name: self.scrub_json(item) for name, item in value.items()}
        return value

    def _keep(self, secret: Secret, plaintext: str) -> None:
        self._values[secret.identity] = plaintext
        shapes = {shape for shape in _shapes(plaintext) if shape.strip()}
        # The longest first, so that no part of a value is left beside a mask.
        self._masked = sorted({*self._masked, *shapes}, key=len, reverse=True)

    def _fingerprint(self, name: str, plaintext: str) -> str:
        salt = self._store.get_json("salt", "secrets")
        if salt is None:
            salt = random.token_hex(32)
            self._store.put_json("salt", "secrets", salt)
        return hmac.new(bytes.fromhex(salt), f"{name}\0{plaintext}".encode(), sha256).hexdigest()


def _shapes(plaintext: str) -> set[str]:
    shapes = {plaintext, plaintext.strip()}
    for value in list(shapes):
        # Tools print base64 of the value with and without a line end, and with the URL-safe alphabet.
        for raw in (value.encode(), value.encode() + b"\n"):
            encoded = base64.b64encode(raw).decode()
            shapes |= {encoded, encoded.rstrip("="), base64.urlsafe_b64encode(raw).decode()}
            shapes |= {line for line in base64.encodebytes(raw).decode().splitlines() if len(line) > SHORTEST_LINE}
    lines = plaintext.splitlines()
    if len(lines) > 1:
        shapes |= {line.strip() for line in lines if len(line.strip()) >= SHORTEST_LINE}
    return shapes


async def _fetch(uri: str) -> str:
    scheme, _, rest = uri.partition(":")
    rest = rest.removeprefix("//")
    match scheme:
        case "env":
            if rest not in os.environ:
                raise UsageError(f"secret {uri}: the environment variable {rest} is not set")
            return os.environ[rest]
        case "file":
            try:
                return Path(rest).expanduser().read_text()
            except OSError as error:
                raise UsageError(f"secret {uri}: {rest}: {error.strerror}") from error
        case "cmd":
            return await _run(uri, rest)
    raise UsageError(f"secret {uri}: unknown scheme {scheme!r}: use env:NAME, file:PATH or cmd:COMMAND")


async def _run(uri: str, command: str) -> str:
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    if process.returncode:
        last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise UsageError(f"secret {uri}: the command exited with {process.returncode}: {last}")
    return stdout.decode().rstrip("\n")
