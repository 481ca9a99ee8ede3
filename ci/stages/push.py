"""Push images to the registry, by digest."""

import dataclasses
from collections.abc import Mapping
from functools import partial

import dagger

from ci.agent.home import ARCHIVES
from ci.agent.protocol.requests import PushArchives
from ci.agent.protocol.responses import Pushed
from ci.settings import Settings
from ci.stages.agent import Agent
from ci.stages.concurrently import run_concurrently
from ci.stages.credentials import Credentials
from ci.stages.errors import CONNECTION_REFUSED
from ci.stages.failure import stage


@dataclasses.dataclass(frozen=True)
class TaggedImage:
    """An image and its tag."""

    image: dagger.Container
    tag: str


async def push_images(agent: Agent, environment: str, images: Mapping[str, TaggedImage]) -> dict[str, str]:
    """Push named images and return their addresses, `repository@sha256:…`, by their names.

    The engine pushes by itself. A loopback registry on another machine than the engine's is reached by the daemon of
    the environment's target alone, which gets the images as archives.

    Raises:
        StageFailed: An image cannot be built, or the registry does not take it.
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
