"""Everything before an environment: tested, linted, built once, listed, pushed, and recorded under its version."""

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import dagger

from ci.ledger import protocol
from ci.ledger.provenance import provenance
from ci.settings import Settings
from ci.stages import build, push, sbom
from ci.stages.ledger import Ledger
from ci.stages.together import together
from ci.stages.version import Version

Checks = Mapping[str, Callable[[], Awaitable[Any]]]
Identify = Callable[[], Awaitable[Version]]


@dataclasses.dataclass(frozen=True)
class Package:
    """A version and the image that it is."""

    version: str
    image: str
    # Whether it was there before, from the same sources.
    existing: bool


@dataclasses.dataclass(frozen=True)
class Made:
    """The image of a version, which may be there already."""

    version: Version
    known: protocol.Found
    image: str = ""
    sbom: str = ""


async def package(
    ledger: Ledger, environment: str, service: dagger.Directory, identify: Identify, checks: Checks
) -> Package:
    """Check the sources while the image is made, listed and pushed; record it when all of that went well.

    Raises:
        Refused: The version was built from other sources.
    """
    began = datetime.now(UTC)
    made = partial(_made, ledger, environment, service, identify)
    done = await together({**checks, "made": made})
    ready: Made = done["made"]
    name, known = ready.version.name, ready.known
    if known.image and (known.signed or not ledger.signs):
        return Package(name, known.image, existing=True)
    recorded = await ledger.ask(
        protocol.RecordBuild,
        protocol.Recorded,
        version=name,
        image=known.image or ready.image,
        inputs=ready.version.inputs,
        commit=ready.version.checkout.commit,
        author=ready.version.checkout.author,
        dirty=ready.version.dirty,
        tests=done["test"].tests,
        sbom=hashlib.sha256(ready.sbom.encode()).hexdigest(),
        provenance=_provenance(ledger.settings, ready.version, known.image or ready.image, began),
        migrations=await _migrations(ledger.settings, service),
        forward_compatible=ledger.settings.app.forward_compatible,
    )
    return Package(name, recorded.image, existing=recorded.existing)


async def _made(ledger: Ledger, environment: str, service: dagger.Directory, identify: Identify) -> Made:
    settings, version = ledger.settings, await identify()
    known = await ledger.ask(protocol.FindBuild, protocol.Found, version=version.name, inputs=version.inputs)
    if known.image:
        return Made(version, known)
    image = build.image(settings, service, version.name)
    both = {
        "sbom": partial(sbom.bill_of_materials, settings, service, image, version.name),
        "image": partial(push.push, settings, ledger.credentials, image, environment, version.name),
    }
    return Made(version, known, **await together(both))


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
