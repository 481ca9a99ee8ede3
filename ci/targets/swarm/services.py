"""The stack's services and their tasks."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from ci.hints import KILLED
from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, NotFoundError
from ci.targets.swarm.names import Names
from ci.targets.swarm.specs import Spec, with_labels, with_replicas

Service = dict[str, Any]
Task = dict[str, Any]


async def services(daemon: Daemon, names: Names) -> dict[str, Service]:
    """Return the stack's services by their short names."""
    found = await daemon.get("/services", filters=names.of_stack)
    return {names.short(service["Spec"]["Name"]): service for service in found}


async def create(daemon: Daemon, spec: Spec, auth: str) -> None:
    """Create a service; `auth` is its nodes' login at the registry."""
    await daemon.send("POST", "/services/create", json=spec, headers={"X-Registry-Auth": auth})


async def update(daemon: Daemon, service: Service, spec: Spec, auth: str = "") -> None:
    """Change a service; labels alone restart nothing."""
    params = {"version": service["Version"]["Index"], "registryAuthFrom": "spec"}
    headers = {"X-Registry-Auth": auth} if auth else {}
    await daemon.send("POST", f"/services/{service['ID']}/update", json=spec, params=params, headers=headers)


async def relabel(daemon: Daemon, name: str, **labels: str) -> None:
    """Change labels of a service."""
    await _change(daemon, name, lambda spec: with_labels(spec, **labels))


async def scale(daemon: Daemon, name: str, replicas: int) -> None:
    """Change the number of a service's replicas."""
    await _change(daemon, name, lambda spec: with_replicas(spec, replicas))


async def _change(daemon: Daemon, name: str, changed: Callable[[Spec], Spec]) -> None:
    for _ in range(5):
        service = await daemon.get(f"/services/{name}")
        try:
            return await update(daemon, service, changed(service["Spec"]))
        except DaemonError as error:
            # Swarm itself changes a service's version now and then.
            if "out of sequence" not in str(error):
                raise
            await asyncio.sleep(0.05)
    raise DaemonError(f"{name}: other changes interfered each time: try again")


async def tasks(daemon: Daemon, service: str) -> list[Task]:
    """Return every task of a service, the ended ones too; none when there is no such service."""
    try:
        found: list[Task] = await daemon.get("/tasks", filters={"service": [service]})
    except NotFoundError:
        return []
    return found


def is_running(task: Task) -> bool:
    """Return whether a task runs and should run: with a liveness command, a task runs for Swarm once that passed."""
    return bool(task["DesiredState"] == "running" and task["Status"]["State"] == "running")


def address_of(task: Task, network: str) -> str:
    """Return a task's address on a network; empty: it has none."""
    for attachment in task.get("NetworksAttachments") or []:
        if attachment["Network"]["Spec"]["Name"] == network and attachment.get("Addresses"):
            return str(attachment["Addresses"][0]).partition("/")[0]
    return ""


def is_failed(task: Task) -> bool:
    """Return whether a task ended by itself; a replica that completes does not serve either."""
    return task["Status"]["State"] in {"failed", "rejected", "complete"}


async def logs(daemon: Daemon, task: Task, lines: int = 15) -> str:
    """Return the last lines that a task wrote, wherever it runs; empty when they are gone."""
    try:
        answer = await daemon.send(
            "GET", f"/tasks/{task['ID']}/logs", params={"stdout": "1", "stderr": "1", "tail": str(lines)}
        )
    except DaemonError:
        return ""
    written = demultiplex(answer.content).strip().splitlines()
    return "\n".join(line for line in written if not line.startswith("Error grabbing logs:"))


async def last_probe(daemon: Daemon, task: Task) -> str:
    """Return the output of a task's last liveness command or other check, where its container is on this node."""
    container = task["Status"].get("ContainerStatus", {}).get("ContainerID", "")
    try:
        health = (await daemon.get(f"/containers/{container}/json"))["State"].get("Health") if container else None
    except NotFoundError:
        return ""
    probes = health["Log"] if health else []
    return (
        f"liveness: {probes[-1]['Output'].strip() or 'no output'} (exit code {probes[-1]['ExitCode']})"
        if probes
        else ""
    )


async def ran_out_of_memory(daemon: Daemon, task: Task) -> bool:
    """Return whether the kernel killed a task for its memory; on another node, only the exit code is known."""
    status = task["Status"].get("ContainerStatus") or {}
    if not status.get("ContainerID"):
        return False
    try:
        state = (await daemon.get(f"/containers/{status['ContainerID']}/json"))["State"]
    except NotFoundError:
        return status.get("ExitCode") == KILLED
    return bool(state["OOMKilled"])


def demultiplex(stream: bytes) -> str:
    """Return a container's output from both streams, in order: each frame is eight bytes of header and the text."""
    text, at = bytearray(), 0
    while at + 8 <= len(stream):
        (size,) = struct.unpack_from(">I", stream, at + 4)
        text += stream[at + 8 : at + 8 + size]
        at += 8 + size
    return text.decode(errors="replace")
