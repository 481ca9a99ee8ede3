"""The types of the settings' values."""

import posixpath
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SECONDS = {"s": 1, "m": 60, "h": 3600}
PERIOD = re.compile(r"([0-9]{1,6})([smh])")
SIZE = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB)")
# Docker starts no container with less; more than a PiB is a mistake, and Docker's numbers end at 8 EiB.
LEAST_MEMORY, MOST_MEMORY = 6 << 20, 1 << 50
LEAST_LOG = 64 << 10
# https://pkg.go.dev/github.com/distribution/reference: the parts of a reference.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = rf"{_HOST}(?:\.{_HOST})*(?::[0-9]{{1,5}})?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
REPOSITORY = re.compile(rf"(?P<domain>{_DOMAIN})/{_COMPONENT}(?:/{_COMPONENT})*")
# Of a repository, since tags and the names of other images are added.
LONGEST_REFERENCE, LONGEST_REPOSITORY, LONGEST_PATH = 255, 200, 1000
PORTS = range(1, 65536)
DAY = 24 * 3600
YEAR = 366 * DAY


def size_in_bytes(text: str) -> int:
    """Read a size such as `256MiB`."""
    match = SIZE.fullmatch(text)
    if not match:
        raise ValueError("must be a whole number with a unit of B, KiB, MiB or GiB, like 256MiB")
    return int(match[1]) * UNITS[match[2]]


def read_period(text: str) -> float:
    """Read a period such as `90s`, `30m` or `2h`, at most a day; returns seconds, and 0 for an empty text."""
    match = PERIOD.fullmatch(text)
    seconds = int(match[1]) * SECONDS[match[2]] if match else 0
    if (text and not match) or seconds > DAY:
        raise ValueError("must be a whole number with a unit of s, m or h, like 30m, and at most a day")
    return seconds


def _checked_memory(text: str) -> str:
    if not LEAST_MEMORY <= size_in_bytes(text) <= MOST_MEMORY:
        raise ValueError("must be at least 6MiB, Docker's least, and at most 1048576GiB")
    return text


def checked_log_size(text: str) -> str:
    """Check the size of a file of a log."""
    if not LEAST_LOG <= size_in_bytes(text) <= MOST_MEMORY:
        raise ValueError("must be at least 64KiB, like 10MiB")
    return text


def _checked_reservation(text: str) -> str:
    return _checked_memory(text) if size_in_bytes(text) else text


def _checked_route(route: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]{0,1000}", route):
        raise ValueError("must be a path of the service that starts with /, like /healthz")
    return route


def _checked_folder(path: str) -> str:
    # One that starts with a hyphen would be an option of the program that gets the path.
    # One spelling, as git has it: `./svc` and `svc/` are `svc`.
    clean = posixpath.normpath(path) if path else path
    if clean.startswith(("/", "-")) or ".." in path.split("/") or not path.isprintable() or len(path) > LONGEST_PATH:
        raise ValueError("must be a path inside the repository, like examples/orders")
    return clean


def _checked_module(module: str) -> str:
    if module and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*)?", module, re.ASCII):
        raise ValueError("must be a Python package that python -m can start, like orders")
    return module


def _checked_feature(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ValueError("must be at most 64 letters, digits, dots, hyphens and _, and start with a letter or digit")
    return name


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", name):
        raise ValueError("must be at most 30 lower-case letters, digits and hyphens, and start with a letter")
    return name


def _checked_image(reference: str) -> str:
    if not IMAGE.fullmatch(reference) or len(reference.partition("@")[0]) > LONGEST_REFERENCE:
        raise ValueError("must be an image reference, like python:3.13-slim")
    return reference


def _checked_repository(reference: str) -> str:
    match = REPOSITORY.fullmatch(reference)
    # Without a dot or a port, Docker takes the first part for a user's name on Docker Hub.
    if not match or not (re.search("[.:]", match["domain"]) or match["domain"] == "localhost"):
        raise ValueError("must be a registry and a repository without a tag, like localhost:5000/orders")
    if len(reference) > LONGEST_REPOSITORY or int(match["domain"].partition(":")[2] or 1) not in PORTS:
        raise ValueError(f"must have at most {LONGEST_REPOSITORY} characters, and a port from 1 to 65535")
    return reference


def checked_url(url: str) -> str:
    """Check an address that a program of HTTP can ask."""
    try:
        split = urlsplit(url)
        valid = split.scheme in {"http", "https"} and bool(split.hostname) and split.port in {None, *PORTS}
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"https?://[!-~]+", url):
        raise ValueError("must be an http:// or https:// address, like https://chat.example.org/hooks/deploys")
    return url


def file_name(name: str) -> str:
    """Check that a name can be a file's name: a secret is a file in the container."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", name):
        raise ValueError(
            "must be a file's name: at most 32 letters, digits, dots, hyphens and _, and start with a letter or digit"
        )
    return name


Memory = Annotated[str, AfterValidator(_checked_memory)]
Reservation = Annotated[str, AfterValidator(_checked_reservation)]
Route = Annotated[str, AfterValidator(_checked_route)]
Folder = Annotated[str, AfterValidator(_checked_folder)]
Module = Annotated[str, AfterValidator(_checked_module)]
Feature = Annotated[str, AfterValidator(_checked_feature)]
Name = Annotated[str, AfterValidator(_checked_name)]
Image = Annotated[str, AfterValidator(_checked_image)]
Repository = Annotated[str, AfterValidator(_checked_repository)]
Url = Annotated[str, AfterValidator(checked_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
SecretName = Annotated[str, AfterValidator(file_name)]
Seconds = Annotated[float, Field(ge=0, le=YEAR, allow_inf_nan=False)]
