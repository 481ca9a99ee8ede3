"""Notifications: when a delivery ends, each webhook of its environment gets a POST of JSON."""

import asyncio
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from ci.escaping import for_chat
from ci.ledger.history import Entry
from ci.ledger.records import DeliveryEnd
from ci.ledger.rendering.lines import describe_record

# How long a webhook may take, in seconds: a delivery must not wait for a chat.
TIMEOUT = 5


async def notify(webhooks: Sequence[str], entry: Entry[DeliveryEnd]) -> tuple[str, ...]:
    """Send the end of a delivery to webhooks; returns a sentence for each that failed, and raises no error."""
    if not webhooks:
        return ()
    record = entry.record
    body = {
        # Chats show `text`; programs read the rest.
        "text": for_chat(describe_record(entry)),
        "app": record.app,
        "environment": record.environment,
        "action": record.action,
        "version": record.version,
        "outcome": record.outcome.value,
        "address": record.address,
    }
    async with httpx.AsyncClient(timeout=TIMEOUT, verify=ssl.create_default_context()) as client:
        failures = await asyncio.gather(*(_post(client, webhook, body) for webhook in webhooks))
    return tuple(failure for failure in failures if failure)


async def _post(client: httpx.AsyncClient, webhook: str, body: dict[str, str]) -> str:
    # The rest of a webhook's address is often a secret.
    host = urlsplit(webhook).hostname
    try:
        answer = await client.post(webhook, json=body)
    except httpx.HTTPError as error:
        return f"the webhook at {host} failed: {type(error).__name__}"
    return "" if answer.is_success else f"the webhook at {host} failed: HTTP {answer.status_code}"
