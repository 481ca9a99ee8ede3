"""A record in a registry: an OCI manifest under a unique tag, which holds the record's time and hash."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from ci.ledger.records import record_id
from ci.ledger.store.registry import MANIFEST, digest_of
from ci.ledger.tags import RECORDS

RECORD = "application/vnd.slipway.record.v1+json"
SIGNATURE = "application/vnd.slipway.signature.v1+pem"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar"
# Says what an artifact is where the registry takes only what looks like an image.
KIND = "vnd.slipway.kind"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_CONTENT = b"{}"
TAG = re.compile(rf"^{RECORDS}(\d{{8}}T\d{{12}}Z)-([0-9a-f]{{32}})$")
TIME = "%Y%m%dT%H%M%S%fZ"
# The largest record, and the largest blob that goes into the manifest: registries accept manifests up to 4 MiB.
LARGEST, EMBEDDED = 8 << 20, 1 << 20

# As the OCI specification has artifacts, or as an image: GitLab's registry, for one, takes known types alone.
Form = Literal["artifact", "image"]


class Layer(BaseModel):
    """A manifest's descriptor of a blob; `data` may hold the blob itself."""

    mediaType: str  # noqa: N815 - OCI's name
    digest: str
    size: Annotated[int, Field(le=LARGEST)]
    data: str = ""


class Manifest(BaseModel):
    """The parts of a record's manifest that are read: the record, and its signature where there is one."""

    artifactType: str = ""  # noqa: N815 - OCI's name
    annotations: dict[str, str] = {}
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=2)]

    @model_validator(mode="after")
    def _is_record(self) -> Self:
        if RECORD not in {self.artifactType, self.annotations.get(KIND)}:
            raise ValueError("is not a record's manifest")
        return self


@dataclass(frozen=True)
class Artifact:
    """A record's exact text and the armored signature over it; empty: unsigned."""

    payload: bytes
    signature: str = ""

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """The blobs that the registry needs before the manifest, beside the manifest's configuration."""
        return (self.payload, *([self.signature.encode()] if self.signature else []))

    def config(self, form: Form) -> bytes:
        """Return the blob that is the manifest's configuration."""
        if form == "artifact":
            return EMPTY_CONTENT
        layers = [digest_of(blob) for blob in self.blobs]
        image = {"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": layers}}
        return json.dumps(image | {"config": {"Labels": {KIND: RECORD}}}).encode()

    def manifest(self, form: Form = "artifact") -> bytes:
        """Write the manifest: as an artifact, or as an image for a registry that takes nothing else."""
        types = (RECORD, SIGNATURE) if form == "artifact" else (IMAGE_LAYER, IMAGE_LAYER)
        layers = [_descriptor(kind, blob) for kind, blob in zip(types, self.blobs, strict=False)]
        manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST}
        if form == "artifact":
            manifest |= {"artifactType": RECORD, "config": _descriptor(EMPTY, EMPTY_CONTENT), "layers": layers}
        else:
            config = _descriptor(IMAGE_CONFIG, self.config(form))
            manifest |= {"config": config, "layers": layers, "annotations": {KIND: RECORD}}
        return json.dumps(manifest).encode()


def tag_of(payload: bytes, at: datetime) -> str:
    """Return the tag of a record that was written at a time."""
    return f"{RECORDS}{at.astimezone(UTC).strftime(TIME)}-{record_id(payload)[:32]}"


def parse_tag(tag: str) -> tuple[datetime, str] | None:
    """Return the time and the first half of the ID in a tag; None: it is no record's tag."""
    match = TAG.match(tag)
    try:
        return (datetime.strptime(match[1], TIME).replace(tzinfo=UTC), match[2]) if match else None
    except ValueError:
        return None


def embedded_blob(layer: Layer) -> bytes | None:
    """Return the blob in a descriptor; None: the blob has to be fetched."""
    return base64.b64decode(layer.data, validate=True) if layer.data else None


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    descriptor = {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
    return descriptor | ({"data": base64.b64encode(content).decode()} if len(content) <= EMBEDDED else {})
