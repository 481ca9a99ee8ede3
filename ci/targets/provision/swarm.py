"""One swarm of all the hosts: begun on the first manager, joined by the rest, with their roles and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci.targets.daemon import Daemon
from ci.targets.errors import DaemonError, NotReadyError
from ci.targets.provision.machine import Machine

LISTEN = "0.0.0.0:2377"
ATTEMPTS = 5


@dataclass(frozen=True)
class Member:
    """A host and its daemon."""

    machine: Machine
    daemon: Daemon

    async def swarm(self) -> dict[str, Any]:
        """Tell what the host knows of its swarm."""
        state: dict[str, Any] = (await self.daemon.get("/info"))["Swarm"]
        return state


async def form_swarm(members: Sequence[Member]) -> None:
    """Make one swarm of the hosts.

    Raises:
        NotReadyError: A host belongs to another swarm.
        DaemonError: A daemon will not have it.
    """
    leader = await _leader(members)
    await _check(leader, members)
    for member in members:
        if member is not leader:
            await _join(leader, member)
    # Before anybody is demoted: a swarm keeps as many managers as it can.
    for member in sorted(members, key=lambda member: member.machine.host.role):
        await _set_role(leader, member)
        await _set_labels(leader, member)


async def _leader(members: Sequence[Member]) -> Member:
    managers = [member for member in members if member.machine.host.role == "manager"]
    for member in managers:
        if (await member.swarm())["ControlAvailable"]:
            member.machine.note_unchanged("swarm", "leads the swarm")
            return member
    first = managers[0]
    await _check_is_free(first)
    await first.daemon.post("/swarm/init", {"ListenAddr": LISTEN, **_addresses(first)})
    first.machine.note_change("swarm", f"began a swarm at {(await first.swarm())['NodeAddr']}")
    return first


async def _check(leader: Member, members: Sequence[Member]) -> None:
    """Look at every host before any is changed."""
    known = {node["ID"] for node in await leader.daemon.get("/nodes")}
    for member in members:
        state = await member.swarm()
        if state["NodeID"] not in known:
            await _check_is_free(member)


async def _check_is_free(member: Member) -> None:
    state = await member.swarm()
    if state["LocalNodeState"] != "inactive":
        name = member.machine.name
        raise NotReadyError(
            f"{name}: belongs to a swarm that the managers here do not lead (its state: {state['LocalNodeState']} "
            f"{state.get('Error', '')}".rstrip()
            + f"): if nobody needs it there, run 'docker swarm leave --force' on {name}, then this again"
        )


async def _join(leader: Member, member: Member) -> None:
    machine, at = member.machine, (await leader.swarm())["NodeAddr"]
    if (await member.swarm())["LocalNodeState"] == "active":
        machine.note_unchanged("swarm", f"is in the swarm of {leader.machine.name}")
        return
    tokens = (await leader.daemon.get("/swarm"))["JoinTokens"]
    token = tokens["Manager" if machine.host.role == "manager" else "Worker"]
    body = {"ListenAddr": LISTEN, "RemoteAddrs": [f"{at}:2377"], "JoinToken": token, **_addresses(member)}
    try:
        await member.daemon.post("/swarm/join", body)
    except DaemonError as error:
        raise DaemonError(
            f"{machine.name}: cannot join the swarm at {at}:2377: {error}: do TCP 2377 and 7946 and UDP 7946 and 4789 "
            "pass between the hosts?"
        ) from error
    machine.note_change("swarm", f"joined the swarm of {leader.machine.name} as a {machine.host.role}")


def _addresses(member: Member) -> dict[str, str]:
    """Say how the others reach a host; Docker finds it where there is one address only."""
    address = member.machine.host.advertised
    return {"AdvertiseAddr": address, "DataPathAddr": address} if address else {}


async def _set_role(leader: Member, member: Member) -> None:
    machine, wanted = member.machine, member.machine.host.role
    if await _change(leader, member, {"Role": wanted}):
        machine.note_change("role", f"{'promoted to' if wanted == 'manager' else 'demoted to'} {wanted}")
    else:
        machine.note_unchanged("role", f"is a {wanted}")


async def _set_labels(leader: Member, member: Member) -> None:
    labels = dict(member.machine.host.labels)
    if not labels:
        return
    told = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
    if await _change(leader, member, {"Labels": labels}):
        member.machine.note_change("labels", f"labelled {told}")
    else:
        member.machine.note_unchanged("labels", f"has {told}")


async def _change(leader: Member, member: Member, wanted: dict[str, Any]) -> bool:
    """Change a node's description where it differs, and tell whether it did; labels are added to those it has."""
    identifier = (await member.swarm())["NodeID"]
    for _ in range(ATTEMPTS):
        node = await leader.daemon.get(f"/nodes/{identifier}")
        spec = node["Spec"]
        changed = spec | wanted | {"Labels": {**(spec.get("Labels") or {}), **wanted.get("Labels", {})}}
        if changed == spec | {"Labels": spec.get("Labels") or {}}:
            return False
        try:
            await leader.daemon.post(f"/nodes/{identifier}/update", changed, version=node["Version"]["Index"])
        except DaemonError as error:
            # Swarm itself changes a node's version now and then.
            if "out of sequence" not in str(error):
                raise
        else:
            return True
    raise DaemonError(f"{member.machine.name}: is being changed by somebody else all the time: try again")
