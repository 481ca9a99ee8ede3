"""From a record's JSON to a record: unknown kinds and fields are kept and named, other schemas are refused."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from ci.ledger.records import SCHEMA, KnownRecord, Record, RecordBase, UnknownRecord

KINDS: Mapping[str, type[RecordBase]] = {kind.model_fields["kind"].default: kind for kind in get_args(KnownRecord)}


class UnreadableError(Exception):
    """A text is not a valid record; the message holds the reason."""


class OtherSchemaError(UnreadableError):
    """A record has another schema, or none; `schema` is what it has."""

    def __init__(self, schema: object) -> None:
        """Keep the schema."""
        super().__init__(f"has {'no schema' if schema is None else f'schema {schema}'}; this version reads {SCHEMA}")
        self.schema = schema


@dataclass(frozen=True)
class ParsedRecord:
    """A record, and the names of its fields that this version does not know."""

    record: Record
    unknown_fields: tuple[str, ...] = ()


def parse_record(payload: bytes) -> ParsedRecord:
    """Parse a record's JSON.

    Raises:
        OtherSchemaError: The record has another schema.
        UnreadableError: The text is not a valid record.
    """
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UnreadableError("is not a JSON object")
    if (schema := data.get("schema")) != SCHEMA or isinstance(schema, bool):
        raise OtherSchemaError(schema)
    kind = data.get("kind")
    if not isinstance(kind, str):
        raise UnreadableError("kind: must be a text")
    try:
        if kind not in KINDS:
            return ParsedRecord(_parse_unknown(data))
        record: Any = KINDS[kind].model_validate_json(payload, extra="ignore")
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, (kind, *problem["loc"])))
        raise UnreadableError(f"{where}: {problem['msg']}") from error
    return ParsedRecord(record, tuple(_unknown_fields(data, record.model_dump(mode="json"))))


def _parse_unknown(data: Mapping[str, Any]) -> UnknownRecord:
    fields = {name: data[name] for name in UnknownRecord.model_fields if name in data} | {"schema": data["schema"]}
    if not isinstance(fields.get("environment", ""), str):
        del fields["environment"]
    return UnknownRecord.model_validate_json(json.dumps(fields))


def _unknown_fields(data: object, known: object, path: str = "") -> Iterator[str]:
    """Yield the paths of the keys that a parsed record does not have."""
    if isinstance(data, Mapping) and isinstance(known, Mapping):
        for key, value in data.items():
            where = f"{path}.{key}" if path else str(key)
            if key in known:
                yield from _unknown_fields(value, known[key], where)
            else:
                yield where
    elif isinstance(data, list) and isinstance(known, list):
        for value, parsed in zip(data, known, strict=False):
            yield from _unknown_fields(value, parsed, path)
