"""Records of other versions: unknown kinds and fields are listed, and other schemas are refused."""

import json
from datetime import datetime
from typing import Any

import pytest

from ci.ledger.errors import SchemaError
from ci.ledger.history import History
from ci.ledger.reading import OtherSchemaError, UnreadableError, parse_record
from ci.ledger.records import DeliveryEnd, LockTakeover, UnknownRecord, serialize_record
from ci.ledger.rendering.views import history_view
from ci.ledger.store.artifacts import tag_of
from ci.ledger.store.store import Ledger
from tests.ledger.attacker import LOCK, a_lock, push_payload
from tests.ledger.workspace import DIGEST


async def payload_with(ledger: Ledger, **changes: Any) -> bytes:
    """Return a valid record's text with changed fields; a value of None removes the field."""
    data = json.loads(serialize_record(await a_lock(ledger))) | changes
    return json.dumps({name: value for name, value in data.items() if value is not None}).encode()


async def push_valid(ledger: Ledger, **changes: Any) -> str:
    """Store a record with changed fields under the tag of its own time."""
    payload = await payload_with(ledger, **changes)
    at = datetime.fromisoformat(json.loads(payload)["at"])
    return await push_payload(ledger, payload, tag=tag_of(payload, at))


async def test_unknown_field_is_kept_and_listed_and_does_not_count(ledger: Ledger) -> None:
    tag = await push_valid(ledger, weather="rain")
    history = await ledger.read()
    (entry,) = history.of(LockTakeover)
    assert (entry.unknown_fields, history.problems) == (("weather",), ())
    assert history_view(history).lines[0].text.endswith("[unknown fields, which do not count: weather]")
    # The registry still holds the record as it was, and the next record names it as its parent.
    assert b"weather" in (await ledger.registry.blob(f"sha256:{entry.id}"))
    assert tag.endswith(entry.id[:32])
    after, _ = await ledger.append(history, LockTakeover, **LOCK)
    assert after.record.parents == (entry.id,)


def test_unknown_field_of_a_stage_is_named() -> None:
    stage = {"name": "switch", "ok": True, "message": "", "seconds": 1, "shares": [5]}
    record = DeliveryEnd(
        app="orders",
        at="2026-01-01T00:00:00Z",
        environment="dev",
        action="deploy",
        start="0" * 64,
        version="1.0",
        digest=DIGEST,
        outcome="succeeded",
    )
    data = json.loads(serialize_record(record)) | {"stages": [stage]}
    parsed = parse_record(json.dumps(data).encode())
    assert parsed.unknown_fields == ("stages.shares",)
    assert isinstance(parsed.record, DeliveryEnd)
    assert parsed.record.passed_stage("switch")


async def test_unknown_kind_is_kept_and_listed_and_does_not_count(ledger: Ledger) -> None:
    await push_valid(ledger, kind="wish", environment="dev", digest=DIGEST)
    history = await ledger.read()
    (entry,) = history.entries
    assert isinstance(entry.record, UnknownRecord)
    assert (history.problems, history.of_digest(DIGEST)) == ((), ())
    for lines in (history_view(history).lines, history_view(history, "dev").lines):
        assert [line.text for line in lines] == [
            "dev: a record of the unknown kind wish by anonymous, which does not count"
        ]
    after, _ = await ledger.append(history, LockTakeover, **LOCK)
    assert after.record.parents == (entry.id,)


@pytest.mark.parametrize(
    ("schema", "found"), [(None, "has no schema"), (1, "has schema 1"), (3, "has schema 3"), (True, "has schema True")]
)
async def test_ledger_of_another_schema_is_refused_by_name(ledger: Ledger, schema: object, found: str) -> None:
    tag = await push_payload(ledger, await payload_with(ledger, schema=schema))
    with pytest.raises(SchemaError) as caught:
        await ledger.read()
    assert str(caught.value) == (
        f"{ledger.registry.where}: the ledger's record {tag} {found}; this version reads 2: start a new ledger: set "
        "[registry] repository in pipeline.toml to another repository, or delete this one's tags ledger-*"
    )


async def test_record_of_another_schema_among_readable_ones_is_a_problem(ledger: Ledger) -> None:
    await ledger.append(History(), LockTakeover, **LOCK)
    tag = await push_payload(ledger, await payload_with(ledger, schema=1))
    history = await ledger.read()
    assert len(history.entries) == 1
    assert history.problems == (f"unreadable: {tag}: has schema 1; this version reads 2",)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"schema":2,"kind":["build"]}', "kind: must be a text"),
        (b'{"schema":2,"kind":"wish"}', "wish.app: Field required"),
        (b'{"schema":2,"kind":"build","app":"orders"}', "build.version: Field required"),
    ],
)
def test_invalid_record_is_unreadable(payload: bytes, problem: str) -> None:
    with pytest.raises(UnreadableError, match=problem):
        parse_record(payload)


def test_other_schema_is_an_unreadable_record() -> None:
    with pytest.raises(OtherSchemaError, match="has no schema; this version reads 2"):
        parse_record(b'{"kind":"build"}')
