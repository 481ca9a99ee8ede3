"""A record as a registry holds it: an OCI manifest under a tag of its own, which says when and holds its hash."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ci.ledger.records import id_of
from ci.ledger.store.registry import MANIFEST, digest_of

RECORD = "application/vnd.slipway.record.v1+json"
SIGNATURE = "application/vnd.slipway.signature.v1+pem"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_CONTENT = b"{}"
PREFIX = "ledger-"
TAG = re.compile(r"^ledger-(\d{8}T\d{12}Z)-([0-9a-f]{32})$")
TIME = "%Y%m%dT%H%M%S%fZ"
# What is larger is no record; and how much of one goes into its manifest, which registries accept up to 4 MiB of.
LARGEST, EMBEDDED = 8 << 20, 1 << 20


class Layer(BaseModel):
    """What a manifest says about one of its blobs; the blob itself may stand in `data`."""

    mediaType: str  # noqa: N815 - OCI's name
    digest: str
    size: Annotated[int, Field(le=LARGEST)]
    data: str = ""


class Manifest(BaseModel):
    """What of a record's manifest is read: the record, and its signature where it has one."""

    artifactType: Literal["application/vnd.slipway.record.v1+json"]  # noqa: N815 - OCI's name
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=2)]


@dataclass(frozen=True)
class Artifact:
    """A record's exact text and the armored signature over it; empty: unsigned."""

    payload: bytes
    signature: str = ""

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """What has to be in the registry before the manifest, besides the empty blob that all have in common."""
        return (self.payload, *([self.signature.encode()] if self.signature else []))

    def manifest(self) -> bytes:
        """Write the manifest."""
        layers = [_described(RECORD, self.payload)]
        if self.signature:
            layers.append(_described(SIGNATURE, self.signature.encode()))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": RECORD,
            "config": _described(EMPTY, EMPTY_CONTENT),
            "layers": layers,
        }
        return json.dumps(manifest).encode()


def tag_of(payload: bytes, at: datetime) -> str:
    """Return the tag of a record that was written at a time."""
    return f"{PREFIX}{at.astimezone(UTC).strftime(TIME)}-{id_of(payload)[:32]}"


def read_tag(tag: str) -> tuple[datetime, str] | None:
    """Return the time and the start of the id that a tag names; None: it is no record's."""
    match = TAG.match(tag)
    try:
        return (datetime.strptime(match[1], TIME).replace(tzinfo=UTC), match[2]) if match else None
    except ValueError:
        return None


def embedded(layer: Layer) -> bytes | None:
    """Return the blob that stands in its description; None: it has to be fetched."""
    return base64.b64decode(layer.data, validate=True) if layer.data else None


def _described(media_type: str, content: bytes) -> dict[str, Any]:
    described = {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
    return described | ({"data": base64.b64encode(content).decode()} if len(content) <= EMBEDDED else {})
