"""A version's package: test and lint the sources, build the images once, list their contents, and push them."""

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import dagger

from ci.agent.home import REPOSITORY, SOURCES
from ci.agent.protocol.requests import Identify, Prepare
from ci.agent.protocol.responses import Identified
from ci.ledger.provenance import provenance
from ci.ledger.records import BuildDescription
from ci.ledger.tags import TESTS as TESTS_TAG
from ci.settings import Settings
from ci.stages import build, sbom
from ci.stages.agent import Agent
from ci.stages.concurrently import run_concurrently
from ci.stages.errors import Refused
from ci.stages.push import TaggedImage, push_images
from ci.stages.service import Service
from ci.stages.test_image import test_image

Checks = Mapping[str, Callable[[], Awaitable[Any]]]
IMAGE, TESTS = "image", "tests"


@dataclasses.dataclass(frozen=True)
class Package:
    """A version, its image, and the build that is still to be recorded (none: the ledger has it already)."""

    version: str
    image: str
    build: BuildDescription | None = None
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Commits:
    """The repository's commits, and whether the sources' commit must be known, as it must for later environments."""

    repository: dagger.Directory
    required: bool


@dataclasses.dataclass(frozen=True)
class Artifacts:
    """The images and the SBOM of the sources, new or from an earlier run."""

    identified: Identified
    images: Mapping[str, str]
    sbom: str = ""


async def package(
    agent: Agent,
    environment: str,
    source: dagger.Directory,
    checkout: Commits,
    version: str,
    checks: Checks,
    *,
    deploys: bool,
) -> Package:
    """Check the sources while their images are built, listed and pushed; nothing is recorded yet.

    Raises:
        Refused: The version was built from other sources, or the commit of the sources must be known and is not; or
            the version is deployed next, and the target lacks a secret.
    """
    began = datetime.now(UTC)
    if deploys and agent.settings.environment(environment).secrets:
        request: Identify | Prepare = Prepare(environment=environment, version=version)
    else:
        request = Identify(version=version)
    identify = partial(_identify, agent, source, checkout, request)
    service = await Service.of(agent.settings, source)
    done = await run_concurrently(
        {**checks, "artifacts": partial(_make_artifacts, agent, environment, service, identify)}
    )
    artifacts: Artifacts = done["artifacts"]
    identified = artifacts.identified
    warnings = (identified.checkout.problem,) if identified.checkout.problem else ()
    if identified.image:
        return Package(identified.version, identified.image, warnings=warnings)
    built = BuildDescription(
        version=identified.version,
        image=artifacts.images[IMAGE],
        test_image=artifacts.images[TESTS],
        inputs=identified.inputs,
        commit=identified.checkout.commit,
        author=identified.checkout.author,
        dirty=identified.checkout.dirty or not identified.checkout.commit,
        tests=done["test"].tests,
        sbom=hashlib.sha256(artifacts.sbom.encode()).hexdigest(),
        provenance=_provenance(agent.settings, identified, artifacts.images[IMAGE], began),
        migrations=await _migrations(agent.settings, service),
        forward_compatible=agent.settings.app.forward_compatible,
    )
    return Package(identified.version, artifacts.images[IMAGE], built, warnings)


async def _identify(
    agent: Agent, source: dagger.Directory, checkout: Commits, request: Identify | Prepare
) -> Identified:
    mounted = {SOURCES: source, REPOSITORY: checkout.repository}
    identified = await agent.run(request, Identified, directories=mounted)
    if checkout.required and identified.checkout.problem:
        raise Refused(f"the commit of these sources cannot be known: {identified.checkout.problem}")
    return identified


async def _make_artifacts(
    agent: Agent, environment: str, service: Service, identify: Callable[[], Awaitable[Identified]]
) -> Artifacts:
    settings, identified = agent.settings, await identify()
    version = identified.version
    if identified.image:
        return Artifacts(identified, {IMAGE: identified.image, TESTS: identified.test_image})
    image = build.image(settings, service, version)
    await build.build_image(settings, image)
    tagged = {
        IMAGE: TaggedImage(image, version, is_final=True),
        TESTS: TaggedImage(test_image(settings, service), f"{TESTS_TAG}{version}", is_final=True),
    }
    done = await run_concurrently(
        {
            "sbom": partial(sbom.bill_of_materials, settings, service, image, version),
            "images": partial(push_images, agent, environment, tagged, identified.tags),
        }
    )
    return Artifacts(identified, done["images"], done["sbom"])


def _provenance(settings: Settings, identified: Identified, image: str, began: datetime) -> dict[str, Any]:
    return provenance(
        image=image,
        version=identified.version,
        commit=identified.checkout.commit,
        sources=identified.checkout.sources,
        materials={"base image": settings.base_image()},
        began=began,
        ended=datetime.now(UTC),
    )


async def _migrations(settings: Settings, service: Service) -> tuple[str, ...]:
    folder = settings.app.migrations
    if not folder:
        return ()
    names = (PurePosixPath(path) for path in await service.directory.glob(f"{folder}/*"))
    return tuple(sorted(name.name for name in names if name.suffix and not name.name.startswith("_")))
