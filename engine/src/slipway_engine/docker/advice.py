"""What to do about what Docker's daemon says, or about its saying nothing: a line below the error."""

import os

import aiohttp

# What a module's own advice looks like too; a module that sees an engine's gives none.
MARK = "→ "
ANOTHER = "or name another daemon with DOCKER_HOST"
FULL = (
    "Docker's disk is full, by bytes or by files, or a quota is: `docker system df` tells what Docker holds; "
    "`ci prune` and `docker image prune` free some of it"
)
KNOWN = {"no space left on device": FULL, "disk quota exceeded": FULL}


def advised(message: str) -> str:
    """Return what the daemon says, with advice where there is some."""
    found = next((advice for said, advice in KNOWN.items() if said in message.lower()), "")
    return f"{message}\n{MARK}{found}" if found else message


def unreachable(error: aiohttp.ClientConnectionError) -> str:
    """Tell that the daemon cannot be reached, and what to do."""
    path = getattr(error, "path", "its socket")
    where = os.environ.get("DOCKER_HOST") or path
    return f"the Docker daemon cannot be reached at {where}: {error}\n{MARK}{_way(error, path)}"


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
