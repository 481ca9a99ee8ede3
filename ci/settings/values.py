"""The types of the settings' values."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator, Field

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZE = re.compile(r"^(\d+)(B|KiB|MiB|GiB)$")


def size_in_bytes(text: str) -> int:
    """Read a size such as `256MiB`."""
    match = SIZE.match(text)
    if not match:
        raise ValueError("must be a whole number with a unit of B, KiB, MiB or GiB, like 256MiB")
    return int(match[1]) * UNITS[match[2]]


def _checked_size(text: str) -> str:
    size_in_bytes(text)
    return text


def _checked_route(route: str) -> str:
    if not re.match(r"^/[A-Za-z0-9._~/-]*$", route):
        raise ValueError("must be a path of the service that starts with /, like /healthz")
    return route


def _checked_folder(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("must be a path inside the repository, like examples/orders")
    # One spelling, as git has it: `./svc` and `svc/` are `svc`.
    return posixpath.normpath(path) if path else path


def _checked_name(name: str) -> str:
    if not re.match(r"^[a-z][a-z0-9-]{0,29}$", name):
        raise ValueError("must be at most 30 lower-case letters, digits and hyphens, and start with a letter")
    return name


def _checked_image(reference: str) -> str:
    if not re.match(r"^[a-z0-9][a-z0-9._:/-]*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$", reference):
        raise ValueError("must be an image reference, like python:3.13-slim")
    return reference


def _checked_repository(reference: str) -> str:
    if not re.match(r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+$", reference):
        raise ValueError("must be a registry and a repository without a tag, like localhost:5000/orders")
    return reference


def _checked_url(url: str) -> str:
    if not re.match(r"^https?://[^\s/]+(/\S*)?$", url):
        raise ValueError("must be an http:// or https:// address, like https://chat.example.org/hooks/deploys")
    return url


def file_name(name: str) -> str:
    """Check that a name can be a file's name: a secret is a file in the container."""
    if not re.match(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", name):
        raise ValueError(
            "must be a file's name: at most 32 letters, digits, dots, hyphens and _, and start with a letter or digit"
        )
    return name


Memory = Annotated[str, AfterValidator(_checked_size)]
Route = Annotated[str, AfterValidator(_checked_route)]
Folder = Annotated[str, AfterValidator(_checked_folder)]
Name = Annotated[str, AfterValidator(_checked_name)]
Image = Annotated[str, AfterValidator(_checked_image)]
Repository = Annotated[str, AfterValidator(_checked_repository)]
Url = Annotated[str, AfterValidator(_checked_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
SecretName = Annotated[str, AfterValidator(file_name)]
Seconds = Annotated[float, Field(ge=0)]
