"""Everything before an environment: tested, linted, built once, listed, pushed, and recorded under its version."""

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import dagger

from ci.release import protocol
from ci.release.provenance import provenance
from ci.settings import Settings
from ci.stages import build, push, sbom
from ci.stages.credentials import Credentials
from ci.stages.ledger import Ledger
from ci.stages.program import program
from ci.stages.together import together
from ci.stages.version import Version

Checks = Mapping[str, Callable[[], Awaitable[Any]]]


@dataclasses.dataclass(frozen=True)
class Package:
    """A version and the image that it is."""

    version: str
    image: str
    # Whether it was there before, from the same sources.
    existing: bool
    results: Mapping[str, Any]


async def package(
    ledger: Ledger,
    credentials: Credentials,
    service: dagger.Directory,
    version: Version,
    environment: str,
    checks: Checks,
) -> Package:
    """Check the sources while the image is made, pushed and listed; record it when all of that went well.

    Raises:
        Refused: The version was built from other sources.
    """
    settings, began = ledger.settings, datetime.now(UTC)
    known = await ledger.ask(protocol.FindBuild, protocol.Found, version=version.name, inputs=version.inputs)
    if known.image:
        return Package(version.name, known.image, existing=True, results=await together(checks))
    image = build.image(settings, service, version.name)

    async def listed() -> str:
        return await sbom.bill_of_materials(settings, service, image, version.name)

    async def pushed() -> str:
        return await push.push(settings, credentials, image, environment, version.name)

    done = await together({**checks, "sbom": listed, "push": pushed, "program": program(settings).sync})
    recorded = await ledger.ask(
        protocol.RecordBuild,
        protocol.Recorded,
        version=version.name,
        image=done["push"],
        inputs=version.inputs,
        commit=version.checkout.commit,
        author=version.checkout.author,
        dirty=version.dirty,
        tests=done["test"].tests,
        sbom=hashlib.sha256(done["sbom"].encode()).hexdigest(),
        provenance=_provenance(settings, version, done["push"], began),
        migrations=await _migrations(settings, service),
        forward_compatible=settings.app.forward_compatible,
    )
    return Package(version.name, recorded.image, existing=recorded.existing, results=done)


def _provenance(settings: Settings, version: Version, image: str, began: datetime) -> dict[str, Any]:
    return provenance(
        image=image,
        version=version.name,
        commit=version.checkout.commit,
        sources=version.checkout.sources,
        materials={"base image": settings.base_image()},
        began=began,
        ended=datetime.now(UTC),
    )


async def _migrations(settings: Settings, service: dagger.Directory) -> tuple[str, ...]:
    folder = settings.app.migrations
    if not folder:
        return ()
    names = (PurePosixPath(path) for path in await service.glob(f"{folder}/*"))
    return tuple(sorted(name.name for name in names if name.suffix and not name.name.startswith("_")))
