"""The lifetime of an environment's lock: acquired with patience, renewed by a heartbeat, released at the end."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from ci.targets.errors import LockedByPersonError, LockedError, TargetError
from ci.targets.target import Lock, Target

# Seconds between two renewals of a run's lock.
HEARTBEAT = 2.0
# Seconds between two attempts to acquire a lock that another run holds.
RETRY = 1.0


def new_lock(holder: str, reason: str, seconds: float, *, heartbeat: bool) -> Lock:
    """Describe a lock that begins now."""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=seconds)
    token = secrets.token_hex(8)
    return Lock(holder=holder, reason=reason, since=now, until=until, token=token, heartbeat=heartbeat)


async def acquire_lock(target: Target, lock: Lock, patience: float) -> str:
    """Acquire the lock, and wait some seconds for another run; returns whose expired lock this was.

    Raises:
        LockedError: Another run holds the lock for longer, or a person holds the lock.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while True:
        try:
            return await target.acquire_lock(lock)
        except LockedByPersonError:
            raise
        except LockedError:
            if loop.time() > end:
                raise
        await asyncio.sleep(RETRY)


@asynccontextmanager
async def hold_lock(target: Target, token: str) -> AsyncIterator["asyncio.Task[None]"]:
    """Renew an acquired lock while the body runs, and release the lock afterwards; gives the heartbeat."""
    heartbeat = asyncio.create_task(_renew(target, token))
    try:
        yield heartbeat
    finally:
        heartbeat.cancel()
        await asyncio.gather(heartbeat, return_exceptions=True)
        # A lock that cannot be released is another run's by now, or expires without this run's heartbeat.
        with suppress(TargetError):
            await target.release_lock(token)


@asynccontextmanager
async def stop_when_lost(heartbeat: "asyncio.Task[None]") -> AsyncIterator[None]:
    """Cancel the body as soon as the heartbeat fails.

    Raises:
        LockedError: Another run took over the lock, or will, since the lock cannot be renewed.
    """
    body = asyncio.current_task()
    if body is None:
        raise RuntimeError("only a task can be stopped")

    # The loop calls `stop` some time after the heartbeat failed, when the body may have ended.
    is_over = False

    def stop(_: "asyncio.Task[None]") -> None:
        if not is_over:
            body.cancel()

    heartbeat.add_done_callback(stop)
    try:
        yield
    except asyncio.CancelledError:
        if not heartbeat.done() or heartbeat.cancelled():
            raise
        body.uncancel()
        raise LockedError(str(heartbeat.exception())) from heartbeat.exception()
    finally:
        is_over = True
        heartbeat.remove_done_callback(stop)


async def _renew(target: Target, token: str) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        await target.renew_lock(token)
