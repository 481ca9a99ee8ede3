"""Advice for known errors of Docker's daemon, and for a daemon that does not answer: a line below the error."""

import aiohttp

from slipway_engine.errors import MARK

ANOTHER = "or name another daemon with DOCKER_HOST"
FULL = (
    "Docker's disk is full, by bytes or by files, or a quota is: `docker system df` shows what Docker holds; "
    "`ci prune` and `docker image prune` free some of it"
)
KNOWN = {"no space left on device": FULL, "disk quota exceeded": FULL}


def add_advice(message: str) -> str:
    """Return the daemon's message, with advice if the error is known."""
    found = next((advice for known, advice in KNOWN.items() if known in message.lower()), "")
    return f"{message}\n{MARK}{found}" if found else message


def unreachable_message(error: aiohttp.ClientConnectionError, host: str) -> str:
    """Return the message that the daemon cannot be reached, with advice."""
    path = getattr(error, "path", "its socket")
    return f"the Docker daemon cannot be reached at {host or path}: {error}\n{MARK}{_way(error, path)}"


def _way(error: aiohttp.ClientConnectionError, path: str) -> str:
    match getattr(error, "os_error", None):
        case PermissionError():
            return (
                f"this user may not use {path}: let them into its group (`sudo usermod -aG docker $USER`, then log in "
                f"again), {ANOTHER}"
            )
        case FileNotFoundError():
            return f"there is no {path}: start Docker (`make setup` does), {ANOTHER}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host has no address: look at the name in DOCKER_HOST and at the DNS server (/etc/resolv.conf)"
    return f"nothing listens there: start Docker (`make setup` does), {ANOTHER}"
