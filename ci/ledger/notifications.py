"""Telling people how a deploy ended: a POST of JSON to each address that the environment names."""

import asyncio
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from ci.ledger.history import Entry
from ci.ledger.records import Deploy
from ci.ledger.rendering.lines import told

# How long one of them may take, in seconds: nobody's deploy waits for a chat.
PATIENCE = 5


async def tell(addresses: Sequence[str], entry: Entry[Deploy]) -> tuple[str, ...]:
    """Tell of a deploy, and return a sentence for each address that could not be told: that fails nothing."""
    if not addresses:
        return ()
    record = entry.record
    body = {
        # What chats show, and what programs read.
        "text": told(entry),
        "app": record.app,
        "environment": record.environment,
        "action": record.action,
        "version": record.version,
        "outcome": record.outcome,
        "address": record.address,
    }
    async with httpx.AsyncClient(timeout=PATIENCE, verify=ssl.create_default_context()) as client:
        failures = await asyncio.gather(*(_posted(client, address, body) for address in addresses))
    return tuple(failure for failure in failures if failure)


async def _posted(client: httpx.AsyncClient, address: str, body: dict[str, str]) -> str:
    # The rest of an address is often a secret.
    where = urlsplit(address).hostname
    try:
        answer = await client.post(address, json=body)
    except httpx.HTTPError as error:
        return f"{where} could not be told: {type(error).__name__}"
    return "" if answer.is_success else f"{where} could not be told: HTTP {answer.status_code}"
