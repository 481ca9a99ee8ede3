"""Push images to the registry, by digest."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from uuid import uuid4

import dagger

from ci.agent.home import ARCHIVES
from ci.agent.protocol.requests import PushArchives, ReadTags
from ci.agent.protocol.responses import Pushed, Tags
from ci.ledger.tags import REBUILT
from ci.settings import Settings
from ci.stages.agent import Agent
from ci.stages.concurrently import run_concurrently
from ci.stages.credentials import Credentials
from ci.stages.errors import CONNECTION_REFUSED, Refused
from ci.stages.failure import stage


@dataclasses.dataclass(frozen=True)
class TaggedImage:
    """An image and its tag."""

    image: dagger.Container
    tag: str
    # Whether the tag names one image for good, as a version's does.
    is_final: bool = False


async def push_images(
    agent: Agent, environment: str, images: Mapping[str, TaggedImage], existing: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Push named images and return their addresses, `repository@sha256:…`, by their names.

    No tag is moved: an image whose tag exists gets a tag of its own. `existing` holds the digests that the tags name in
    the registry; None: they are read first.

    Raises:
        StageFailed: An image cannot be built, or the registry does not take it.
        Refused: A final tag exists, and names another image.
    """
    if existing is None:
        existing = (await agent.run(ReadTags(tags=tuple(image.tag for image in images.values())), Tags)).digests
    free = {
        name: dataclasses.replace(image, tag=f"{REBUILT}{uuid4().hex[:12]}") if image.tag in existing else image
        for name, image in images.items()
    }
    pushed = await _push(agent, environment, free)
    repository = agent.settings.registry.repository
    for name, image in images.items():
        before, now = existing.get(image.tag, ""), pushed[name].partition("@")[2]
        if image.is_final and before not in {"", now}:
            raise Refused(
                f"{repository}:{image.tag} is {before} already, and no build that counts here is recorded for it; this "
                f"build is {now} ({free[name].tag}). A tag is never moved: compare the two, and choose another version "
                "or remove the tag"
            )
    return pushed


async def _push(agent: Agent, environment: str, images: Mapping[str, TaggedImage]) -> dict[str, str]:
    """Push images under their tags.

    The engine pushes by itself. A loopback registry on another machine than the engine's is reached by the daemon of
    the environment's target alone, which gets the images as archives.
    """
    settings = agent.settings
    publish = partial(_publish, settings, agent.credentials, environment)
    work = {name: partial(publish, tagged) for name, tagged in images.items()}
    if not settings.registry.is_loopback:
        return await run_concurrently(work)
    if settings.environment(environment).target.address == "unix":
        try:
            return await run_concurrently(work)
        except dagger.QueryError as error:
            # A Dagger engine in a container has a loopback address of its own.
            if CONNECTION_REFUSED not in str(error):
                raise
    return await _push_archives(agent, environment, images)


async def _publish(settings: Settings, credentials: Credentials, environment: str, tagged: TaggedImage) -> str:
    repository, image = settings.registry.repository, tagged.image
    if credentials.registry_password:
        host = settings.registry.host
        image = image.with_registry_auth(host, credentials.registry_user, credentials.registry_password)
    async with stage(f"push --env {environment}", name=f"push {repository}:{tagged.tag}"):
        address = await image.publish(f"{repository}:{tagged.tag}")
    return f"{repository}@{address.partition('@')[2]}"


async def _push_archives(agent: Agent, environment: str, images: Mapping[str, TaggedImage]) -> dict[str, str]:
    archives = {f"{ARCHIVES}/{name}": _archive(tagged.image) for name, tagged in images.items()}
    request = PushArchives(environment=environment, tags={name: tagged.tag for name, tagged in images.items()})
    return (await agent.run(request, Pushed, files=archives)).images


def _archive(image: dagger.Container) -> dagger.File:
    """Return an image as an archive that every Docker loads."""
    return image.as_tarball(media_types=dagger.ImageMediaTypes.DockerMediaTypes)
