"""Handlers for builds: identify a checkout's version, push its images, record its build."""

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ci.agent.checkout import Checkout, read_checkout
from ci.agent.context import Context
from ci.agent.home import ARCHIVES, REPOSITORY, SOURCES
from ci.agent.protocol.requests import IdentifyCheckout, Prepare, PushArchives, ReadTags, RecordBuild
from ci.agent.protocol.responses import BuildRecorded, Identified, Pushed, Tags
from ci.agent.workspace import LOCK_FILE, Workspace, find_workspace, lock_folders
from ci.ledger.builds import record_build, stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.records import BuildDescription
from ci.ledger.store.registry import Registry
from ci.ledger.tags import TESTS, check_version, is_version
from ci.progress import write_progress
from ci.settings import FILE, Settings
from ci.targets.errors import NotReadyError
from ci.targets.swarm.images import push_archive
from ci.targets.swarm.secrets import missing_secrets_hint
from ci.targets.swarm.target import SwarmTarget

# Settings of the service that do not change its image.
NOT_IN_IMAGE = {"tests", "migrations", "forward_compatible"}


async def handle_prepare(context: Context, request: Prepare) -> Identified:
    """Identify a checkout that is to be deployed.

    Raises:
        RefusedError: The target lacks a secret, or as for `handle_identify`.
    """
    name = request.environment
    async with context.target(name) as target:
        missing = [secret.name for secret in await target.list_secrets() if secret.is_missing]
    if missing:
        raise RefusedError(f"{name}: preflight: secrets: {missing_secrets_hint(context.stack(name), missing)}")
    return await handle_identify(context, request)


async def handle_identify(context: Context, request: IdentifyCheckout) -> Identified:
    """Name the version of the checkout, and find its build.

    Raises:
        RefusedError: The version cannot be a registry's tag, its name is reserved, or it was built from other sources.
        SigningError: The key to sign with is unknown or unusable.
    """
    if request.version:
        check_version(request.version)
    settings = context.settings
    checkout = _read_service(context.home.path(REPOSITORY), context.home.path(SOURCES), settings.app.path)
    inputs = _inputs(settings, checkout)
    version = request.version or _derived_version(checkout, inputs)
    check_version(version)
    if checkout.changes:
        write_progress(f"{version}: differs from commit {checkout.commit[:12]} in {', '.join(checkout.changes)}")
    async with context.ledger() as ledger:
        # A key that nobody owns is refused now, and not when all is built.
        await ledger.signatures.find_actor()
        history = await ledger.read()
        if not history.entries:
            # A registry refuses only on push: a record that it does not take must show before an image is built.
            await ledger.probe()
        build = stored_build(history, version, inputs, signed=ledger.signatures.can_sign)
        tags = {} if build else await _read_tags(ledger.registry, [version, f"{TESTS}{version}"])
    return Identified(
        message=f"{version} was built before" if build else f"{version} was never built",
        version=version,
        inputs=inputs,
        checkout=checkout,
        image=build.record.image if build else "",
        test_image=build.record.test_image if build else "",
        tags=tags,
    )


async def handle_read_tags(context: Context, request: ReadTags) -> Tags:
    """Read what tags name in the repository."""
    async with context.ledger() as ledger:
        found = await _read_tags(ledger.registry, request.tags)
    return Tags(message=f"{len(found)} of {len(request.tags)} tags exist", digests=found)


async def _read_tags(registry: Registry, tags: Sequence[str]) -> dict[str, str]:
    digests = await asyncio.gather(*map(registry.digest, tags))
    return {tag: digest for tag, digest in zip(tags, digests, strict=True) if digest}


async def handle_push(context: Context, request: PushArchives) -> Pushed:
    """Push the images whose archives are in the agent's home."""
    repository = context.settings.registry.repository
    images: dict[str, str] = {}
    async with context.target(request.environment) as target:
        if not isinstance(target, SwarmTarget):
            raise NotReadyError(f"{request.environment}: its target has no Docker daemon to push with")
        for name, tag in request.tags.items():
            archive = str(context.home.path(ARCHIVES) / name)
            images[name] = await push_archive(target.daemon, archive, repository, tag, target.login)
    return Pushed(message=f"pushed {', '.join(images.values())}", images=images)


async def handle_record_build(context: Context, request: RecordBuild) -> BuildRecorded:
    """Record that a version became an image."""
    built = BuildDescription(**{name: getattr(request, name) for name in BuildDescription.model_fields})
    async with context.ledger() as ledger:
        stored, existing = await record_build(ledger, context.settings.people, built)
    build = stored.record
    what = "was built before and stays" if existing else "is recorded as"
    message = f"{build.version} {what} {build.digest}"
    return BuildRecorded(message=message, version=build.version, image=build.image, existing=existing)


def _read_service(repository: Path, sources: Path, path: str) -> Checkout:
    """Describe the service's folder, together with what of the repository it is made of beside the folder."""
    return read_checkout(repository, sources, path, [FILE], _workspace(sources, path).outside)


def _workspace(sources: Path, path: str) -> Workspace:
    for folder in lock_folders(path):
        file = sources / folder / LOCK_FILE
        if file.is_file():
            return find_workspace(str(PurePosixPath(path)), folder, file.read_text())
    return Workspace(path, path)


def _inputs(settings: Settings, checkout: Checkout) -> str:
    build = settings.app.model_dump(mode="json", exclude=NOT_IN_IMAGE)
    text = json.dumps([checkout.sources, build, settings.base_image()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _derived_version(checkout: Checkout, inputs: str) -> str:
    # The highest tag where there are several: v1.10 comes after v1.9.
    tags = sorted((tag for tag in checkout.tags if is_version(tag)), key=_order)
    name = tags[-1] if tags else checkout.commit[:12] or "dev"
    # The inputs distinguish dirty checkouts of the same commit.
    return f"{name}-dirty-{inputs[:8]}" if checkout.dirty or not checkout.commit else name


def _order(tag: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", tag)]
