"""Getting the image to where its targets pull it from."""

import dagger

from ci.settings import Settings
from ci.stages.credentials import Credentials
from ci.stages.errors import StageFailed
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
        StageFailed: The registry does not take it.
    """
    repository = settings.registry.repository
    if settings.registry.is_loopback:
        # Neither waits for the other.
        await together({"image": image.sync, "program": program(settings).sync})
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
    try:
        address = await image.publish(f"{repository}:{version}")
    except dagger.QueryError as error:
        raise StageFailed(f"{repository}:{version} could not be pushed: {error}: {_advice(str(error))}") from error
    return f"{repository}@{address.partition('@')[2]}"


def _advice(said: str) -> str:
    if "x509" in said or "certificate" in said:
        return "the engine does not know the registry's CA: see docs/infrastructure.md"
    if "unauthorized" in said or "no basic auth" in said or "denied" in said:
        return "give --registry-user and --registry-password (REGISTRYUSER and REGISTRYPASSWORD in .env)"
    return "is the registry running, and is this its name?"


def archive(image: dagger.Container) -> dagger.File:
    """Return an image as an archive that every Docker loads."""
    return image.as_tarball(media_types=dagger.ImageMediaTypes.DockerMediaTypes)
