"""The lock of a stack: a config under a fixed name, which only one run can create."""

from datetime import UTC, datetime, timedelta

from ci.targets.daemon import Daemon, Json
from ci.targets.errors import ConflictError, DaemonError, LockedByPersonError, LockedError, NotFoundError
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import content, create, find
from ci.targets.target import Lock, LockState

# A run renews its lock every two seconds; after this time without a renewal the lock expires.
EXPIRY = timedelta(seconds=10)
RENEWED = "slipway.renewed"


async def acquire_lock(daemon: Daemon, names: Names, environment: str, lock: Lock) -> str:
    """Acquire the lock, and return the expired lock that it replaces, with the reason; empty: none.

    Raises:
        LockedError: Another run holds the lock.
        LockedByPersonError: A person holds the lock.
    """
    try:
        await create(daemon, "configs", names, names.full("lock"), lock.model_dump_json())
    except ConflictError:
        found = await find(daemon, "configs", names, names.full("lock"))
        held = await _state_of(daemon, found) if found else None
        if found and held and not held.expired:
            raise _refusal(names, environment, held.lock) from None
        # Removed by its ID: when two runs take over at once, only one of them removes the old lock.
        if found and not await _remove(daemon, found["ID"]):
            raise LockedError(f"{names.namespace}: another run just took the lock: try again") from None
        earlier = await acquire_lock(daemon, names, environment, lock)
        return earlier or (f"{held.lock} ({held.expired})" if held else "")
    return ""


async def renew_lock(daemon: Daemon, names: Names, token: str) -> None:
    """Renew the lock, before it expires.

    Raises:
        LockedError: The lock is no longer this holder's.
    """
    found = await find(daemon, "configs", names, names.full("lock"))
    if found is None or _lock_of(found).token != token:
        raise LockedError(f"{names.namespace}: another run took over the lock: this run stopped")
    # The data of a config cannot be changed, its labels can; the daemon records when.
    spec = found["Spec"] | {"Labels": found["Spec"]["Labels"] | {RENEWED: datetime.now(UTC).isoformat()}}
    try:
        await daemon.post(f"/configs/{found['ID']}/update", spec, version=found["Version"]["Index"])
    except NotFoundError as error:
        raise LockedError(f"{names.namespace}: another run took over the lock: this run stopped") from error
    except DaemonError as error:
        # Swarm changed the object's version itself: the next renewal comes soon.
        if "out of sequence" not in str(error):
            raise


async def release_lock(daemon: Daemon, names: Names, environment: str, token: str, *, force: bool) -> Lock | None:
    """Release the lock and return it; None: there was none.

    Raises:
        LockedError: The lock is not this token's, or a live run holds it and `force` is false.
    """
    found = await find(daemon, "configs", names, names.full("lock"))
    if found is None:
        return None
    held = await _state_of(daemon, found)
    if token and token != held.lock.token:
        raise LockedError(f"{names.namespace}: the lock is no longer this run's: {held.lock}")
    if held.lock.heartbeat and not (held.expired or token or force):
        raise LockedError(
            f"{names.namespace}: a run is at work right now: {held.lock}. Wait for it; to stop it and open its lock "
            f"anyway: ci call unlock --env {environment} --force"
        )
    await daemon.delete(f"/configs/{found['ID']}")
    return held.lock


async def read_lock(daemon: Daemon, names: Names) -> LockState | None:
    """Return the lock; None: there is none."""
    found = await find(daemon, "configs", names, names.full("lock"))
    return await _state_of(daemon, found) if found else None


async def _state_of(daemon: Daemon, config: Json) -> LockState:
    lock = _lock_of(config)
    if not lock.heartbeat:
        return LockState(lock=lock, expired="" if lock.until > datetime.now(UTC) else "its time was over")
    # Both times come from the target's clock, whatever the clock of this machine.
    now, renewed = (await daemon.get("/info"))["SystemTime"], config["UpdatedAt"]
    silent = datetime.fromisoformat(now) - datetime.fromisoformat(renewed)
    if silent > EXPIRY:
        return LockState(lock=lock, expired=f"no sign of life for {silent.total_seconds():.0f} s")
    return LockState(lock=lock, expired="" if lock.until > datetime.fromisoformat(now) else "its time was over")


def _lock_of(config: Json) -> Lock:
    return Lock.model_validate_json(content(config))


def _refusal(names: Names, environment: str, lock: Lock) -> LockedError:
    if lock.heartbeat:
        return LockedError(f"{names.namespace}: a run is at work: {lock}. Wait for it")
    return LockedByPersonError(
        f"{names.namespace} is locked by {lock}. Contact {lock.holder}, or unlock: ci call unlock --env {environment}"
    )


async def _remove(daemon: Daemon, config: str) -> bool:
    try:
        return await daemon.delete(f"/configs/{config}")
    except NotFoundError:
        return False
