"""The running edge: which release it lets serve, said to every replica of it at once."""

import asyncio
import json
import time
from datetime import UTC, datetime

from ci import edge
from ci.targets.daemon import Daemon
from ci.targets.errors import LackingError, RefusedError
from ci.targets.protocol import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names, host
from ci.targets.swarm.outpost import Outpost, expect
from ci.targets.swarm.services import is_running, relabel, tasks

# How long a new edge may take to answer, in seconds.
PATIENCE = 15


async def addresses(daemon: Daemon, names: Names) -> list[str]:
    """Return the edge's replicas by their addresses in the stack's network."""
    found = [
        attachment["Addresses"][0].partition("/")[0]
        for task in await tasks(daemon, names.full(n.EDGE))
        if is_running(task)
        for attachment in task.get("NetworksAttachments", [])
        if attachment["Network"]["Spec"]["Name"] == names.network
    ]
    if not found:
        raise LackingError(f"{names.full(n.EDGE)} does not run: see 'docker service ps {names.full(n.EDGE)}'")
    return found


async def let_serve(daemon: Daemon, stack: Stack, post: Outpost, release: str) -> None:
    """Make every edge let a release serve (empty: none), by live reload; a connection that is open is not cut."""
    port = stack.environment.edge.port
    config = edge.serving(port, host(release), stack.app.port) if release else edge.nobody(port)
    await asyncio.gather(*(_load(post, address, config) for address in await addresses(daemon, Names(stack))))


async def remember(daemon: Daemon, names: Names, *, serving: str, proven: str, previous: str) -> None:
    """Write on the edge's service what serves, since now, and what did."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    await relabel(
        daemon, names.full(n.EDGE), **{n.SERVING: serving, n.PROVEN: proven, n.PREVIOUS: previous, n.SINCE: now}
    )


async def lets_serve(daemon: Daemon, names: Names, post: Outpost) -> set[str]:
    """Ask every edge which release it lets serve."""
    found = await asyncio.gather(*(_config(post, address) for address in await addresses(daemon, names)))
    return {text.removeprefix("tasks.") for text in found}


async def metrics(daemon: Daemon, names: Names, post: Outpost) -> list[str]:
    """Read every edge's metrics."""
    urls = [f"http://{address}:{edge.ADMIN_PORT}/metrics" for address in await addresses(daemon, names)]
    results = await asyncio.gather(*(post.fetch(url) for url in urls))
    return [expect(result, f"reading {url}") for result, url in zip(results, urls, strict=True)]


async def _config(post: Outpost, address: str) -> str:
    text = expect(await post.fetch(f"http://{address}:{edge.ADMIN_PORT}/config/"), "reading the edge's configuration")
    return edge.upstream_of(json.loads(text))


async def _load(post: Outpost, address: str, config: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        result = await post.fetch(f"http://{address}:{edge.ADMIN_PORT}/load", config)
        if not result.exit_code:
            return
        if time.monotonic() > end or "HTTP/1.1 4" in result.output:
            raise RefusedError(f"the edge does not take its new configuration: {result.output.strip()}")
        await asyncio.sleep(0.2)
