"""Getting the image to where its targets pull it from."""

from functools import partial

import dagger

from ci.settings import Settings
from ci.stages import build
from ci.stages.credentials import Credentials
from ci.stages.failing import stage
from ci.stages.program import program
from ci.stages.target import MOUNTED, Target
from ci.stages.together import together
from ci.targets import protocol


async def push(
    settings: Settings, credentials: Credentials, image: dagger.Container, environment: str, version: str
) -> str:
    """Push the image and return its address by digest, `repository@sha256:…`.

    A loopback registry is reached by no engine but by the daemon of the target beside it, which gets the image as an
    archive; every other registry is pushed to directly.

    Raises:
        StageFailed: It cannot be built, or the registry does not take it.
    """
    repository = settings.registry.repository
    if settings.registry.is_loopback:
        # Neither waits for the other.
        await together({"image": partial(build.built, settings, image), "program": program(settings).sync})
        pushed = await Target(settings, environment, credentials).ask(
            protocol.Push,
            protocol.Pushed,
            mounted=archive(image),
            tarball=MOUNTED,
            repository=repository,
            tag=version,
        )
        return pushed.image
    if credentials.registry_password:
        host = settings.registry.host
        image = image.with_registry_auth(host, credentials.registry_user, credentials.registry_password)
    await build.built(settings, image)
    async with stage(f"push --env {environment}", name=f"push of {repository}:{version}"):
        address = await image.publish(f"{repository}:{version}")
    return f"{repository}@{address.partition('@')[2]}"


def archive(image: dagger.Container) -> dagger.File:
    """Return an image as an archive that every Docker loads."""
    return image.as_tarball(media_types=dagger.ImageMediaTypes.DockerMediaTypes)
