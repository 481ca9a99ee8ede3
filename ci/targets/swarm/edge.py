"""The running edge: the release that it routes to, sent to every replica of the edge at once."""

import asyncio
import json
from datetime import UTC, datetime

from ci import edge
from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, NotReadyError
from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.helper import HelperContainer, Result, output_of
from ci.targets.swarm.names import Names, host
from ci.targets.swarm.services import Service, address_of, is_running, relabel, services, tasks
from ci.targets.swarm.specs.edge import STAMP, with_private_admin

# Seconds that a replica of the edge may take to answer: one on a dying node counts until Swarm notices.
TIMEOUT = 40


async def addresses(daemon: Daemon, names: Names) -> list[str]:
    """Return the edge's replicas by their addresses on the stack's network."""
    running = filter(is_running, await tasks(daemon, names.full(n.EDGE)))
    found = [address for task in running if (address := address_of(task, names.network))]
    if not found:
        raise NotReadyError(f"{names.full(n.EDGE)} does not run: see 'docker service ps {names.full(n.EDGE)}'")
    return found


async def route(daemon: Daemon, stack: Stack, helper: HelperContainer, release: str) -> None:
    """Make every replica of the edge route to a release (empty: to none) by a live reload.

    Raises:
        DaemonError: A replica does not take its new configuration.
    """
    loop = asyncio.get_running_loop()
    config, end = await _stamp(daemon, await _config_of(daemon, stack, release)), loop.time() + TIMEOUT
    done: set[str] = set()
    # Looked up again each time: a replica may start, or end with its node.
    while left := set(await addresses(daemon, Names(stack))) - done:
        results = dict(zip(left, await asyncio.gather(*(_load(helper, one, config) for one in left)), strict=True))
        done |= {address for address, result in results.items() if not result.exit_code}
        bad = [result for result in results.values() if result.exit_code]
        if bad and (loop.time() > end or any("HTTP/1.1 4" in result.output for result in bad)):
            raise DaemonError(f"the edge does not take its new configuration: {bad[0].output.strip()}")
        await asyncio.sleep(0.2 if bad else 0)


async def read_routes(daemon: Daemon, names: Names, helper: HelperContainer) -> frozenset[str]:
    """Return the releases that the edge's replicas route to."""
    found = await asyncio.gather(*(_upstream(helper, address) for address in await addresses(daemon, names)))
    return frozenset(text.removeprefix("tasks.") for text in found)


async def record_routing(daemon: Daemon, names: Names, *, current: str, previous: str, stable: str) -> None:
    """Write on the edge's service which release is current, which was before, and which is stable."""
    labels = {n.CURRENT: current, n.PREVIOUS: previous, n.STABLE: stable}
    known = routing_labels({n.EDGE: await daemon.get(f"/services/{names.full(n.EDGE)}")})
    if known.get(n.CURRENT) != current:
        labels |= {n.SINCE: datetime.now(UTC).isoformat(timespec="seconds"), n.BY_HAND: ""}
    await relabel(daemon, names.full(n.EDGE), **labels)


def routing_labels(services: dict[str, Service]) -> dict[str, str]:
    """Return the routing labels of the edge's service; empty: there is no edge."""
    labels: dict[str, str] = services[n.EDGE]["Spec"]["Labels"] if n.EDGE in services else {}
    return {name: value for name, value in labels.items() if name in n.ROUTING}


async def probe(daemon: Daemon, stack: Stack, helper: HelperContainer, release: str) -> str:
    """Send requests to every replica of the edge as a user does; returns the problem, or an empty text."""
    version = stack.app.version_path
    own, found = await asyncio.gather(
        helper.fetch(f"http://{host(release)}:{stack.app.port}{version}"),
        asyncio.gather(*(_probe_replica(helper, stack, address) for address in await addresses(daemon, Names(stack)))),
    )
    label = (await daemon.get(f"/services/{Names(stack).full(release)}"))["Spec"]["Labels"][n.VERSION]
    for upstream, health, answer in found:
        if upstream != host(release):
            return f"the edge routes to {upstream or 'nothing'}"
        if health.exit_code:
            return f"{stack.app.health_path} through the edge fails: {health.output.strip()}"
        # Only where the release itself answers with its version.
        if label in own.output and label not in answer.output:
            return f"{version} through the edge does not answer {label}: {answer.output.strip()[:200]}"
    return ""


async def read_edge_metrics(daemon: Daemon, names: Names, helper: HelperContainer) -> list[str]:
    """Read every replica's metrics, in Prometheus' text format."""
    urls = [f"http://{address}:{edge.ADMIN_PORT}/metrics" for address in await addresses(daemon, names)]
    results = await asyncio.gather(*(helper.fetch(url) for url in urls))
    return [output_of(result, f"reading {url}") for result, url in zip(results, urls, strict=True)]


async def _config_of(daemon: Daemon, stack: Stack, release: str) -> str:
    port = stack.environment.edge.port
    if not release:
        return with_private_admin(edge.empty_config(port))
    # An earlier release may answer at another path than the settings say today.
    service = (await services(daemon, Names(stack))).get(release)
    path = service["Spec"]["Labels"].get(n.HEALTH_PATH) if service else None
    upstream = edge.Upstream(
        name=host(release),
        port=stack.app.port,
        health_path=path or stack.app.health_path,
        interval=stack.environment.health.interval,
    )
    return with_private_admin(edge.release_config(port, upstream))


async def _stamp(daemon: Daemon, config: str) -> str:
    """Add the target's time: a replica that returns fetches the newest configuration from its peers."""
    now = datetime.fromisoformat((await daemon.get("/info"))["SystemTime"])
    return json.dumps({"@id": f"{STAMP}{int(now.timestamp() * 1_000_000)}", **json.loads(config)})


async def _probe_replica(helper: HelperContainer, stack: Stack, address: str) -> tuple[str, Result, Result]:
    url = f"http://{address}:{stack.environment.edge.port}"
    return await asyncio.gather(
        _upstream(helper, address),
        helper.fetch(f"{url}{stack.app.health_path}"),
        helper.fetch(f"{url}{stack.app.version_path}"),
    )


async def _upstream(helper: HelperContainer, address: str) -> str:
    url = f"http://{address}:{edge.ADMIN_PORT}/config/"
    return edge.upstream_of(json.loads(output_of(await helper.fetch(url), "reading the edge's configuration")))


async def _load(helper: HelperContainer, address: str, config: str) -> Result:
    return await helper.fetch(f"http://{address}:{edge.ADMIN_PORT}/load", config)
