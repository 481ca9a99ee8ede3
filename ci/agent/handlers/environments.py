"""Handlers for environments: state, locks, secrets, hosts."""

import asyncio

from ci.agent.context import Context
from ci.agent.home import SECRET
from ci.agent.protocol.requests import (
    ListSecrets,
    LockEnvironment,
    Provision,
    ReadEnvironments,
    ReadStatus,
    SetSecret,
    UnlockEnvironment,
)
from ci.agent.protocol.responses import Done, EnvironmentsStatus, Secrets, Status
from ci.delivery.lock import acquire_lock, new_lock
from ci.delivery.recovery import recover
from ci.ledger.errors import MissingError
from ci.ledger.history import History
from ci.ledger.rendering.views import environments_view
from ci.ledger.store.store import Ledger
from ci.settings import FILE
from ci.targets.errors import NotReadyError, TargetError
from ci.targets.provision import provision
from ci.targets.target import TargetState


async def handle_status(context: Context, request: ReadStatus) -> Status:
    """Describe what an environment runs."""
    async with context.target(request.environment) as target:
        state = await target.read_state()
    return Status(ok=state.is_healthy, message=_describe_state(state), state=state)


async def handle_environments(context: Context, request: ReadEnvironments) -> EnvironmentsStatus:  # noqa: ARG001 - each handler takes its request
    """Compare what runs in every environment with the ledger; a target that does not answer hides no other."""

    async def state_of(name: str) -> TargetState | str:
        try:
            async with context.target(name) as target:
                return await target.read_state()
        except TargetError as error:
            return f"{name}: {error}"

    async def read(ledger: Ledger) -> History:
        try:
            return await ledger.read_existing()
        except MissingError as error:
            return History(problems=(str(error),))

    async with context.ledger() as ledger:
        names = tuple(context.settings.environments)
        history, states = await asyncio.gather(read(ledger), asyncio.gather(*map(state_of, names)))
    view = environments_view(history, context.settings)
    return EnvironmentsStatus(
        message=f"{len(names)} environments",
        view=view,
        states=dict(zip(names, states, strict=True)),
        problems=history.problems,
    )


async def handle_lock(context: Context, request: LockEnvironment) -> Done:
    """Lock an environment for a person."""
    async with context.target(request.environment) as target:
        # Deliveries under way end first, or the lock is refused: a person's lock does not interrupt a run.
        lock = new_lock(request.by, request.reason, request.seconds, heartbeat=False)
        took_over = await acquire_lock(target, lock, patience=0)
        resolution = await recover(target)
    sentences = [f"locked by {request.by}"]
    sentences += [f"took over the lock of {took_over}"] if took_over else []
    sentences += [f"what a killed run had left is {resolution}"] if resolution else []
    return Done(message="; ".join(sentences))


async def handle_unlock(context: Context, request: UnlockEnvironment) -> Done:
    """Release an environment's lock."""
    async with context.target(request.environment) as target:
        lock = await target.release_lock(force=request.force)
    return Done(message=f"unlocked; it was locked by {lock}" if lock else "was not locked")


async def handle_set_secret(context: Context, request: SetSecret) -> Done:
    """Give a secret the value in the agent's home."""
    name, environment = request.name, request.environment
    path = context.home.path(SECRET)
    if not path.is_file():
        raise NotReadyError(f"{path}: there is no such file here: mount the secret's value there")
    async with context.target(environment) as target:
        version = await target.set_secret(name, path.read_bytes())
    if name in context.settings.environment(environment).secrets:
        then = f"releases read it from the next deploy on: ci call deploy --env {environment}"
    else:
        then = f"no release reads it: add it to secrets in [environments.{environment}]"
    return Done(message=f"{name} has its value number {version}; {then}")


async def handle_list_secrets(context: Context, request: ListSecrets) -> Secrets:
    """List an environment's secrets, never a value."""
    async with context.target(request.environment) as target:
        secrets = await target.list_secrets()
    missing = [secret.name for secret in secrets if secret.is_missing]
    message = f"never set: {', '.join(missing)}" if missing else f"{len(secrets)} secrets"
    return Secrets(ok=not missing, message=message, secrets=secrets)


async def handle_provision(context: Context, request: Provision) -> Done:
    """Make an environment's hosts ready over ssh."""
    name = request.environment
    hosts, where = context.settings.environment(name).hosts, f"{FILE}: environments.{name}.hosts"
    if not hosts:
        raise NotReadyError(f"{where}: names no host: add one, like hosts.one = {{address = …}}")
    if not any(host.role == "manager" for host in hosts.values()):
        raise NotReadyError(f"{where}: one host must have the role manager, to lead the swarm")
    registry, certificates = context.settings.registry.host, context.rules.registry_ca
    steps = await provision(hosts, context.home.access(), registry, certificates)
    changes = "\n".join(f"{step.host}: {step.message}" for step in steps if step.changed)
    return Done(message=f"{', '.join(hosts)}: ready; {changes or 'nothing had to be changed'}")


def _describe_state(state: TargetState) -> str:
    if not state.current.release:
        return "nothing serves here"
    health = "" if state.is_healthy else ", but not every replica is healthy"
    return f"{state.current.release} serves at {state.address} since {state.since}{health}"
