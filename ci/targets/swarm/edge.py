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
from ci.targets.swarm.services import Service, is_running, relabel, tasks
from ci.targets.swarm.specs.edge import STAMP, with_private_admin

# Seconds that a replica of the edge may take to answer: one on a dying node counts until Swarm notices.
TIMEOUT = 40


async def addresses(daemon: Daemon, names: Names) -> list[str]:
    """Return the edge's replicas by their addresses on the stack's network."""
    found = [
        attachment["Addresses"][0].partition("/")[0]
        for task in await tasks(daemon, names.full(n.EDGE))
        if is_running(task)
        for attachment in task.get("NetworksAttachments", [])
        if attachment["Network"]["Spec"]["Name"] == names.network
    ]
    if not found:
        raise NotReadyError(f"{names.full(n.EDGE)} does not run: see 'docker service ps {names.full(n.EDGE)}'")
    return found


async def route(daemon: Daemon, stack: Stack, helper: HelperContainer, release: str) -> None:
    """Make every replica of the edge route to a release (empty: to none) by a live reload.

    Raises:
        DaemonError: A replica does not take its new configuration.
    """
    loop = asyncio.get_running_loop()
    config, end = await _stamp(daemon, _config_of(stack, release)), loop.time() + TIMEOUT
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
    """Return what the edge's service remembers; empty: there is no edge."""
    labels: dict[str, str] = services[n.EDGE]["Spec"]["Labels"] if n.EDGE in services else {}
    return {name: value for name, value in labels.items() if name in n.ROUTING}


async def probe(daemon: Daemon, stack: Stack, helper: HelperContainer, release: str) -> str:
    """Ask every replica of the edge as a user would; returns why a release does not answer, or an empty text."""
    version = stack.app.version_path
    own, found = await asyncio.gather(
        helper.fetch(f"http://{host(release)}:{stack.app.port}{version}"),
        asyncio.gather(*(_ask(helper, stack, address) for address in await addresses(daemon, Names(stack)))),
    )
    label = (await daemon.get(f"/services/{Names(stack).full(release)}"))["Spec"]["Labels"][n.VERSION]
    for upstream, health, answer in found:
        if upstream != host(release):
            return f"the edge routes to {upstream or 'nothing'}"
        if health.exit_code:
            return f"{stack.app.health_path} through the edge fails: {health.output.strip()}"
        # Only a service that answers with its version can be told apart by its version.
        if label in own.output and label not in answer.output:
            return f"{version} through the edge does not answer {label}: {answer.output.strip()[:200]}"
    return ""


async def read_edge_metrics(daemon: Daemon, names: Names, helper: HelperContainer) -> list[str]:
    """Read every replica's metrics, in Prometheus' text format."""
    urls = [f"http://{address}:{edge.ADMIN_PORT}/metrics" for address in await addresses(daemon, names)]
    results = await asyncio.gather(*(helper.fetch(url) for url in urls))
    return [output_of(result, f"reading {url}") for result, url in zip(results, urls, strict=True)]


def _config_of(stack: Stack, release: str) -> str:
    port = stack.environment.edge.port
    config = edge.release_config(port, host(release), stack.app.port) if release else edge.empty_config(port)
    return with_private_admin(config)


async def _stamp(daemon: Daemon, config: str) -> str:
    """Add the time by the target's clock: a replica that was away asks its peers for the newest configuration."""
    now = datetime.fromisoformat((await daemon.get("/info"))["SystemTime"])
    return json.dumps({"@id": f"{STAMP}{int(now.timestamp() * 1_000_000)}", **json.loads(config)})


async def _ask(helper: HelperContainer, stack: Stack, address: str) -> tuple[str, Result, Result]:
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
