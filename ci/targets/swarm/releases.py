"""Releases: start one beside the current release, check, remove and retire."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from ci.hints import find_hint
from ci.settings import FILE
from ci.targets.daemon import Daemon
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm import names as n
from ci.targets.swarm import specs
from ci.targets.swarm.edge import routing_labels
from ci.targets.swarm.health import Health as GateResult
from ci.targets.swarm.health import examine, wait_until_healthy
from ci.targets.swarm.helper import OpenHelper
from ci.targets.swarm.images import auth_header
from ci.targets.swarm.names import Names
from ci.targets.swarm.readiness import ReadinessCheck
from ci.targets.swarm.secrets import remove_old_values
from ci.targets.swarm.services import Service, create, relabel, scale, services
from ci.targets.target import Health, Retired

# Seconds that a running release may take to be found healthy.
HEALTH_TIMEOUT = 15


async def start_release(
    daemon: Daemon, stack: Stack, login: RegistryLogin, open_helper: OpenHelper, spec: specs.Spec
) -> Health:
    """Start the replicas, `update.parallelism` at a time, and wait until all are healthy."""
    names, environment = Names(stack), stack.environment
    wait = partial(
        wait_until_healthy,
        daemon,
        spec["Name"],
        timeout=environment.health.timeout,
        find_problems=ReadinessCheck(open_helper, stack, {"Spec": spec}).find_problems,
    )
    auth = auth_header(login, stack.registry.repository)
    there = (await services(daemon, names)).get(names.short(spec["Name"]))
    if there and _is_kept(there):
        # A failed attempt of the same release: this attempt decides anew whether it stays.
        await relabel(daemon, spec["Name"], **{n.KEPT_UNTIL: ""})
    if there is None:
        wanted = environment.replicas
        step = environment.update.parallelism or wanted
        await create(daemon, specs.with_replicas(spec, min(step, wanted)), auth)
        for replicas in range(min(step, wanted), wanted, step):
            result = await wait(replicas)
            if not result.ok:
                return _health(stack, result)
            await asyncio.sleep(environment.update.delay)
            await scale(daemon, spec["Name"], min(replicas + step, wanted))
    return _health(stack, await wait(environment.replicas))


async def check_health(daemon: Daemon, stack: Stack, open_helper: OpenHelper, release: str) -> Health:
    """Check whether every replica of a running release is healthy."""
    found = (await services(daemon, Names(stack))).get(release)
    if found is None:
        return Health(ok=False, reason=f"there is no release {release} here: deploy it again")
    replicas = max(1, found["Spec"]["Mode"]["Replicated"]["Replicas"])
    check = ReadinessCheck(open_helper, stack, found)
    return _health(
        stack, await wait_until_healthy(daemon, found["Spec"]["Name"], replicas, HEALTH_TIMEOUT, check.find_problems)
    )


async def examine_release(daemon: Daemon, stack: Stack, open_helper: OpenHelper, release: str) -> Health:
    """Say at once what is seen of a release's replicas."""
    found = (await services(daemon, Names(stack))).get(release)
    if found is None:
        return Health(ok=False, reason=f"there is no release {release} here")
    check = ReadinessCheck(open_helper, stack, found)
    return _health(stack, await examine(daemon, found["Spec"]["Name"], check.find_problems))


async def keep_release(daemon: Daemon, names: Names, release: str, seconds: float) -> None:
    """Let retirement leave a release for so long; nothing happens where it does not exist."""
    if release in await services(daemon, names):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        await relabel(daemon, names.full(release), **{n.KEPT_UNTIL: until.isoformat(timespec="seconds")})


async def remove_release(daemon: Daemon, names: Names, release: str) -> None:
    """Remove a release; nothing happens where it does not exist."""
    await daemon.delete(f"/services/{names.full(release)}")


async def retire(daemon: Daemon, stack: Stack) -> Retired:
    """Remove every release but the current one and, while its time is not over, the previous one."""
    names = Names(stack)
    found = await services(daemon, names)
    labels = routing_labels(found)
    since = datetime.fromisoformat(labels[n.SINCE]) if labels.get(n.SINCE) else datetime.now(UTC)
    is_over = since + timedelta(seconds=stack.environment.keep_previous) <= datetime.now(UTC)
    previous = labels.get(n.PREVIOUS, "")
    kept = previous if previous in found and not is_over else ""
    stays = {labels.get(n.CURRENT), kept, *(name for name, service in found.items() if _is_kept(service))}
    removed = [name for name in found if name.startswith(n.RELEASE) and name not in stays]
    await asyncio.gather(*(remove_release(daemon, names, name) for name in removed))
    await remove_old_values(daemon, names)
    return Retired(kept, tuple(removed))


def _is_kept(service: Service) -> bool:
    until = service["Spec"]["Labels"].get(n.KEPT_UNTIL)
    return bool(until) and datetime.fromisoformat(until) > datetime.now(UTC)


def _health(stack: Stack, result: GateResult) -> Health:
    if result.ok:
        return Health(ok=True, logs=result.logs)
    output = f"{result.reason}\n{result.logs}"
    limit = f"environments.{stack.name}.resources.memory is {stack.environment.resources.memory}"
    memory = f"{limit}: raise it in {FILE}, or let the service use less"
    reason = " ".join(filter(None, [result.reason, find_hint(output, memory=memory)]))
    return Health(ok=False, reason=reason, logs=result.logs)
