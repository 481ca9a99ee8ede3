"""Signs of life of whoever holds the lock: a killed one falls silent, and the next run need not wait for an hour."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from ci.targets.daemon import Daemon
from ci.targets.errors import LockedError, MissingError, RefusedError
from ci.targets.swarm.locking import Holder
from ci.targets.swarm.names import Names
from ci.targets.swarm.objects import content, find

PAUSE = 2
BEAT = "slipway.alive"


@asynccontextmanager
async def beating(daemon: Daemon, names: Names, token: str) -> AsyncIterator[None]:
    """Give signs of life while the body runs; a lock that somebody else took over ends the body.

    Raises:
        LockedError: The lock was taken over.
    """
    body = asyncio.current_task()
    beat = asyncio.create_task(_beat(daemon, names, token))
    beat.add_done_callback(lambda done: None if done.cancelled() or body is None else body.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if not beat.done() or beat.cancelled() or body is None:
            raise
        body.uncancel()
        raise LockedError(f"somebody took over the lock of {names.namespace}: this run stopped") from beat.exception()
    finally:
        beat.cancel()


async def _beat(daemon: Daemon, names: Names, token: str) -> None:
    while True:
        await asyncio.sleep(PAUSE)
        found = await find(daemon, "configs", names.full("lock"))
        if found is None or Holder.model_validate_json(content(found)).token != token:
            return
        # The data of a config cannot be changed, its labels can; the daemon notes when.
        spec = found["Spec"] | {"Labels": found["Spec"]["Labels"] | {BEAT: datetime.now(UTC).isoformat()}}
        try:
            await daemon.post(f"/configs/{found['ID']}/update", spec, version=found["Version"]["Index"])
        except MissingError:
            return
        except RefusedError as error:
            if "out of sequence" not in str(error):
                raise
