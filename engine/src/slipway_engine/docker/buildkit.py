"""The progress of BuildKit, which is inside every Docker since 18.09: protobuf in the lines of `POST /build`.

The messages are a part of those in https://github.com/moby/buildkit/blob/v0.8.3/api/services/control/control.proto.
"""

import base64
import functools
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TRACE, IMAGE = "moby.buildkit.trace", "moby.image.id"
Field = descriptor_pb2.FieldDescriptorProto
# By message, the fields: their numbers and types; a name of a message is a list of such messages.
MESSAGES: dict[str, dict[str, tuple[int, int | str]]] = {
    "Vertex": {
        "digest": (1, Field.TYPE_STRING),
        "name": (3, Field.TYPE_STRING),
        "cached": (4, Field.TYPE_BOOL),
        "error": (7, Field.TYPE_STRING),
    },
    "VertexLog": {"vertex": (1, Field.TYPE_STRING), "msg": (4, Field.TYPE_BYTES)},
    "StatusResponse": {"vertexes": (1, "Vertex"), "logs": (3, "VertexLog")},
}


class Progress:
    """Turns BuildKit's messages into lines for people: each step's name once, and its output."""

    def __init__(self) -> None:
        """Start before the first step."""
        self._seen: set[str] = set()
        self._rest: dict[str, bytes] = {}

    def read(self, line: dict[str, Any]) -> Iterator[str]:
        """Return the lines of one line of the build's response."""
        if line.get("id") != TRACE:
            return
        status = _status_response().FromString(base64.b64decode(line["aux"]))
        for vertex in status.vertexes:
            if vertex.digest not in self._seen and not vertex.name.startswith("[internal]"):
                self._seen.add(vertex.digest)
                yield vertex.name
        for log in status.logs:
            *lines, self._rest[log.vertex] = (self._rest.get(log.vertex, b"") + log.msg).split(b"\n")
            for text in lines:
                yield text.decode(errors="replace")

    def close(self) -> Iterator[str]:
        """Return the last lines, which did not end."""
        for text in filter(None, self._rest.values()):
            yield text.decode(errors="replace")


@functools.cache
def _status_response() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", package="buildkit", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            if isinstance(kind, str):
                options = {"type": Field.TYPE_MESSAGE, "type_name": f".buildkit.{kind}", "label": Field.LABEL_REPEATED}
            else:
                options = {"type": kind, "label": Field.LABEL_OPTIONAL}
            message.field.add(name=field, number=number, **options)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("buildkit.StatusResponse"))
