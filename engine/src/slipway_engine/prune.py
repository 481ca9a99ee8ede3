"""What the engine stored in Docker, taken away: by a limit that keeps itself, on demand, and when a session ends."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from slipway_engine.errors import DockerError

if TYPE_CHECKING:
    from slipway_engine.engine import Engine

DEFAULT_LIMIT = 20 * 10**9  # bytes; SLIPWAY_CACHE_BYTES sets another
OWN, SESSION = "slipway.engine", "slipway.session"


def limit() -> int:
    """Return how much the steps' images may hold, in bytes."""
    return int(os.environ.get("SLIPWAY_CACHE_BYTES", DEFAULT_LIMIT))


async def keep_limit(engine: "Engine") -> int:
    """Remove the least recently used steps until the rest fits the limit; returns the bytes freed."""
    return await _shrink(engine, limit())


async def prune(engine: "Engine", max_bytes: int | None = None) -> int:
    """Remove stored steps until at most `max_bytes` are left; without a number, remove everything, caches too.

    Returns the bytes freed. What a running session uses stays.
    """
    freed = await _shrink(engine, max_bytes or 0)
    if max_bytes is None:
        own = f"{OWN}={engine.store.name}"
        for image in await engine.docker.list("images", own):
            await engine.docker.remove_image(image["Id"])
        for volume in await engine.docker.list("volumes", own):
            await engine.docker.remove_volume(volume["Name"])
        engine.store.clear()
    return freed


async def _shrink(engine: "Engine", max_bytes: int) -> int:
    steps = engine.store.steps_by_use()
    total, freed = sum(step.size for step in steps), 0
    for step in steps:
        if total - freed <= max_bytes:
            break
        if await engine.docker.remove_image(step.image) or await engine.docker.image(step.image) is None:
            for volume in step.volumes.values():
                await engine.docker.remove_volume(volume)
            engine.store.drop_step(step.digest)
            freed += step.size
    return freed


async def sweep_dead(engine: "Engine") -> None:
    """Remove what sessions left whose process is gone, however it ended."""
    found = [
        object_
        for kind, options in (("containers", {"all": True}), ("images", {}), ("volumes", {}))
        for object_ in await engine.docker.list(kind, SESSION, **options)
    ]
    sessions = {object_["Labels"][SESSION] for object_ in found} - {engine.session}
    for session in (s for s in sessions if s.startswith(f"{engine.store.name}-")):
        with engine.store.try_lock(f"session-{session}") as dead:
            if dead:
                await sweep(engine, session)
                Path(engine.store.folder, "locks", f"session-{session}").unlink(missing_ok=True)


async def sweep(engine: "Engine", session: str) -> None:
    """Remove a session's containers, the images of its failed steps, and volumes that no stored step needs."""
    label = f"{SESSION}={session}"
    try:
        for container in await engine.docker.list("containers", label, all=True):
            await engine.docker.remove(container["Id"])
        for image in await engine.docker.list("images", label):
            # What a failed step began with is another step's, and not to be made again.
            await engine.docker.remove_image(image["Id"], keep_parents=True)
        kept = {volume for step in engine.store.steps_by_use() for volume in step.volumes.values()}
        for volume in await engine.docker.list("volumes", label):
            if volume["Name"] not in kept:
                await engine.docker.remove_volume(volume["Name"])
    except DockerError as error:
        if error.status is not None:
            raise
