"""What a build is called, and which sources it is of."""

import dataclasses
import hashlib
import json
import re

import dagger

from ci.agent.checkout import Checkout
from ci.settings import FILE, Settings
from ci.stages.errors import Refused
from ci.stages.program import program

SOURCES = "/run/version/sources"
REPOSITORY = "/run/version/repository"
# What a registry takes as a tag: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests.
TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
# Settings of the service that its image does not depend on.
BESIDES = {"tests", "migrations", "forward_compatible"}


@dataclasses.dataclass(frozen=True)
class Version:
    """A version and what is built under it."""

    name: str
    # The sha256 over the sources and the settings of the build: one version has one of them for ever.
    inputs: str
    checkout: Checkout

    @property
    def dirty(self) -> bool:
        """Whether nobody else can get at these sources: they are in no commit."""
        return self.checkout.dirty or not self.checkout.commit


async def version_of(service: dagger.Directory) -> str:
    """Return `dev-` and twelve digits of the sources' digest: the same sources have the same version, and image."""
    digest = await service.digest()
    return f"dev-{digest.removeprefix('sha256:')[:12]}"


async def identify(settings: Settings, source: dagger.Directory, checkout: dagger.Directory, given: str) -> Version:
    """Return the version that was given, else the commit's tag or the commit, `-dirty` where neither has the sources.

    Raises:
        Refused: The version cannot be a tag in a registry.
    """
    if given and not TAG.match(given):
        raise Refused(f"version {given}: must be at most 128 letters, digits, dots, hyphens and _, like 1.4.2")
    looked_at = (
        program(settings)
        .with_mounted_directory(SOURCES, source)
        .with_mounted_directory(REPOSITORY, checkout)
        .with_exec(["python", "-m", "ci.agent.checkout", REPOSITORY, SOURCES, settings.app.path, FILE])
    )
    found = Checkout.model_validate_json(await looked_at.stdout())
    inputs = _inputs(settings, found)
    return Version(given or _derived(found, inputs), inputs, found)


def _inputs(settings: Settings, checkout: Checkout) -> str:
    build = settings.app.model_dump(mode="json", exclude=BESIDES)
    text = json.dumps([checkout.sources, build, settings.base_image()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _derived(checkout: Checkout, inputs: str) -> str:
    # The highest where there are several: v1.10 is after v1.9.
    tags = sorted((tag for tag in checkout.tags if TAG.match(tag)), key=_in_order)
    name = tags[-1] if tags else checkout.commit[:12] or "dev"
    # Many sources are called dirty: what they hold tells them apart.
    return f"{name}-dirty-{inputs[:8]}" if checkout.dirty or not checkout.commit else name


def _in_order(tag: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", tag)]
