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
from ci.targets.swarm.outpost import Outpost, Result, expect
from ci.targets.swarm.services import is_running, relabel, tasks
from ci.targets.swarm.specs.edge import STAMP, with_private_admin
from ci.targets.swarm.times import EDGE


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
    config, end = await _stamped(daemon, _config_of(stack, release)), time.monotonic() + EDGE
    done: set[str] = set()
    # Asked anew each time: an edge may have come, or have gone with its node.
    while left := set(await addresses(daemon, Names(stack))) - done:
        results = dict(zip(left, await asyncio.gather(*(_load(post, one, config) for one in left)), strict=True))
        done |= {address for address, result in results.items() if not result.exit_code}
        bad = [result for result in results.values() if result.exit_code]
        if bad and (time.monotonic() > end or any("HTTP/1.1 4" in result.output for result in bad)):
            raise RefusedError(f"the edge does not take its new configuration: {bad[0].output.strip()}")
        await asyncio.sleep(0.2 if bad else 0)


def _config_of(stack: Stack, release: str) -> str:
    port = stack.environment.edge.port
    config = edge.serving(port, host(release), stack.app.port) if release else edge.nobody(port)
    return with_private_admin(config)


async def _stamped(daemon: Daemon, config: str) -> str:
    """Say in a configuration when it was given, by the target's clock: an edge that was away asks for the newest."""
    now = datetime.fromisoformat((await daemon.get("/info"))["SystemTime"])
    return json.dumps({"@id": f"{STAMP}{int(now.timestamp() * 1_000_000)}", **json.loads(config)})


async def remember(daemon: Daemon, names: Names, *, serving: str, proven: str, previous: str) -> None:
    """Write on the edge's service what serves, since now, and what did."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    labels = {n.SERVING: serving, n.PROVEN: proven, n.PREVIOUS: previous, n.SINCE: now, n.BY_HAND: ""}
    await relabel(daemon, names.full(n.EDGE), **labels)


async def answers_with(daemon: Daemon, stack: Stack, post: Outpost, release: str) -> str:
    """Ask every edge as a user would, and tell what shows that a release does not answer; empty: it does."""
    version = stack.app.version_path
    own, found = await asyncio.gather(
        post.fetch(f"http://{host(release)}:{stack.app.port}{version}"),
        asyncio.gather(*(_answer(post, stack, address) for address in await addresses(daemon, Names(stack)))),
    )
    label = (await daemon.get(f"/services/{Names(stack).full(release)}"))["Spec"]["Labels"][n.VERSION]
    for let, health, said in found:
        if let != host(release):
            return f"the edge lets {let or 'nothing'} serve"
        if health.exit_code:
            return f"{stack.app.health_path} through the edge fails: {health.output.strip()}"
        # Only a service that tells its version can be told from another by it.
        if label in own.output and label not in said.output:
            return f"{version} through the edge does not say {label}: {said.output.strip()[:200]}"
    return ""


async def _answer(post: Outpost, stack: Stack, address: str) -> tuple[str, Result, Result]:
    url = f"http://{address}:{stack.environment.edge.port}"
    return await asyncio.gather(
        _config(post, address),
        post.fetch(f"{url}{stack.app.health_path}"),
        post.fetch(f"{url}{stack.app.version_path}"),
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


async def _load(post: Outpost, address: str, config: str) -> Result:
    return await post.fetch(f"http://{address}:{edge.ADMIN_PORT}/load", config)
