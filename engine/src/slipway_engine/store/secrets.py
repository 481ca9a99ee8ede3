"""Secrets: where their values come from, and how they are kept out of everything that people read."""

import asyncio
import dataclasses
import hmac
import os
import secrets as random
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from slipway_engine.errors import UsageError
from slipway_engine.model.secret import Secret
from slipway_engine.plaintext import plain
from slipway_engine.store.database import Store
from slipway_engine.store.mask import MASK, Mask, TextMask

__all__ = ["MASK", "Secrets"]

Kind = TypeVar("Kind", bound=Secret)


class Secrets:
    """The secrets of one engine; values live in memory only."""

    def __init__(self, store: Store) -> None:
        """Start with none."""
        self._store = store
        self._values: dict[str, bytes] = {}
        self._forms: set[str] = set()
        self._mask: TextMask | None = None  # of all forms, made when the first text needs it

    def keep(self, secret: Kind, plaintext: str) -> Kind:
        """Keep a value under a secret's name for this engine's life, and return the secret that stands for it."""
        value = plaintext.encode()
        kept = dataclasses.replace(secret, plain=self._fingerprint(secret.name, value))
        self._keep(kept, value)
        return kept

    async def value(self, secret: Secret) -> bytes:
        """Return a secret's value, fetched from where its URI points the first time.

        Raises UsageError when there is no such variable or file, or the command fails.
        """
        if secret.identity not in self._values:
            if not secret.uri:
                raise UsageError(f"the secret {secret.name!r} was set in another session: set it again")
            self._keep(secret, await _fetch(secret.uri))
        return self._values[secret.identity]

    async def plaintext(self, secret: Secret) -> str:
        """Return a secret's value as text, as `value` does; what is no UTF-8 is replaced, as in a Dagger engine."""
        return (await self.value(secret)).decode(errors="replace")

    def fingerprint(self, secret: Secret) -> str:
        """Return what stands for the value in keys: useless without this machine's own key."""
        if secret.plain:
            return secret.plain
        if secret.identity in self._values:
            return self._fingerprint(secret.uri, self._values[secret.identity])
        return secret.uri

    def shown(self, text: str) -> str:
        """Return a text as people may see it: without terminal codes, and with every known secret masked."""
        return self._text_mask.apply(plain(text))

    def shown_json(self, value: Any) -> Any:
        """Return a JSON value with its texts as people may see them."""
        if isinstance(value, str):
            return self.shown(value)
        if isinstance(value, list):
            return [self.shown_json(item) for item in value]
        if isinstance(value, dict):
            return {name: self.shown_json(item) for name, item in value.items()}
        return value

    def shown_details(self, details: dict[str, Any]) -> dict[str, Any]:
        """Return an error's details with the command as people may see it; its output is for programs."""
        return details | {name: self.shown_json(details[name]) for name in ("cmd",) if name in details}

    def unfinished(self, lines: str) -> int:
        """Return where the lines begin that may start a secret which goes on after them; the length: nowhere."""
        return self._text_mask.unfinished(lines)

    async def mask_captured(self, secrets: Iterable[Secret]) -> Mask:
        """Return the mask for the output of a step that holds some secrets, which goes to programs.

        As in a Dagger engine, programs get everything but the plain values of the step's own secrets.
        """
        values = [await self.value(secret) for secret in secrets]
        return Mask({form for value in values for form in (value, value.strip()) if form.strip()})

    @property
    def _text_mask(self) -> TextMask:
        if self._mask is None:
            self._mask = TextMask(self._forms)
        return self._mask

    def _keep(self, secret: Secret, value: bytes) -> None:
        self._values[secret.identity] = value
        from slipway_engine.store.forms import forms  # noqa: PLC0415 - where there is a secret

        self._forms |= forms(value)
        self._mask = None

    def _fingerprint(self, name: str, value: bytes) -> str:
        salt = self._store.get_json("salt", "secrets")
        if salt is None:
            salt = random.token_hex(32)
            self._store.put_json("salt", "secrets", salt)
        return hmac.new(bytes.fromhex(salt), f"{name}\0".encode() + value, sha256).hexdigest()


async def _fetch(uri: str) -> bytes:
    scheme, _, rest = uri.partition(":")
    rest = rest.removeprefix("//")
    match scheme:
        case "env":
            if rest not in os.environ:
                raise UsageError(f"secret {uri}: the environment variable {rest} is not set")
            return os.fsencode(os.environ[rest])
        case "file":
            try:
                return Path(rest).expanduser().read_bytes()
            except OSError as error:
                raise UsageError(f"secret {uri}: {rest}: {error.strerror}") from error
        case "cmd":
            return await _run(uri, rest)
    raise UsageError(f"secret {uri}: unknown scheme {scheme!r}: use env:NAME, file:PATH or cmd:COMMAND")


async def _run(uri: str, command: str) -> bytes:
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    if process.returncode:
        last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise UsageError(f"secret {uri}: the command exited with {process.returncode}: {last}")
    return stdout.rstrip(b"\n")
