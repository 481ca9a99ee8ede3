"""Removing what the engine stored in Docker: by its own limit, on demand, and when a session ends."""

from pathlib import Path

from slipway_engine.docker.client import Docker
from slipway_engine.errors import DockerError
from slipway_engine.store.database import Store

SWEPT = "swept"  # of the facts in the store: sessions of which only volumes are left, that stored steps need
OWN_LABEL, SESSION_LABEL, STEP_LABEL = "slipway.engine", "slipway.session", "slipway.step"


async def keep_limit(docker: Docker, store: Store, limit: int) -> int:
    """Remove the least recently used steps until the rest fits the limit; returns the bytes freed."""
    return await _shrink(docker, store, limit)


async def prune(docker: Docker, store: Store, max_bytes: int | None = None) -> int:
    """Remove stored steps until at most `max_bytes` are left; without a number, remove everything, caches too.

    Returns the bytes freed. What a running session uses stays.
    """
    freed = await _shrink(docker, store, max_bytes or 0)
    if max_bytes is None:
        own = f"{OWN_LABEL}={store.name}"
        for image in await docker.list("images", own):
            await docker.remove_image(image["Id"])
        for volume in await docker.list("volumes", own):
            await docker.remove_volume(volume["Name"])
        store.clear()
    return freed


async def _shrink(docker: Docker, store: Store, max_bytes: int) -> int:
    steps = store.steps_by_use()
    total, freed = sum(step.size for step in steps), 0
    for step in steps:
        if total - freed <= max_bytes:
            break
        if await docker.remove_image(step.image) or await docker.image(step.image) is None:
            for volume in step.volumes.values():
                await docker.remove_volume(volume)
            store.drop_step(step.digest)
            freed += step.size
    return freed


async def sweep_dead(docker: Docker, store: Store, own: str) -> None:
    """Remove what other sessions left whose process is gone, however it ended; `own` is the running session."""
    found = [
        object_
        for kind, options in (("containers", {"all": True}), ("images", {}), ("volumes", {}))
        for object_ in await docker.list(kind, SESSION_LABEL, **options)
    ]
    sessions = {object_["Labels"][SESSION_LABEL] for object_ in found} - {own}
    # What was swept before left only volumes that stored steps need: to sweep it again would slow every command down.
    for session in (s for s in sessions if s.startswith(f"{store.name}-") and not store.get_json(SWEPT, s)):
        with store.try_lock(f"session-{session}") as dead:
            if dead:
                await sweep(docker, store, session)
                Path(store.folder, "locks", f"session-{session}").unlink(missing_ok=True)


async def sweep(docker: Docker, store: Store, session: str) -> None:
    """Remove a session's containers, the images of its failed steps, and volumes that no stored step needs."""
    label = f"{SESSION_LABEL}={session}"
    try:
        for container in await docker.list("containers", label, all=True):
            await docker.remove(container["Id"])
        for image in await docker.list("images", label):
            # What a failed step began with is another step's, and must not have to be made again.
            await docker.remove_image(image["Id"], keep_parents=True)
        kept = {volume for step in store.steps_by_use() for volume in step.volumes.values()}
        volumes = [volume["Name"] for volume in await docker.list("volumes", label)]
        for volume in set(volumes) - kept:
            await docker.remove_volume(volume)
        if kept & set(volumes):
            store.put_json(SWEPT, session, value=True)
    except DockerError as error:
        if error.status is not None:
            raise
