"""The image of the agent: pinned by digest in `agent.lock`, or built here where that is allowed.

The agent gets keys and sockets. Its digest is therefore pinned in a file of the repository, outside the registry, and
checked before any of them is mounted: an image by digest can be nothing else than what was pinned.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

import dagger
from dagger import dag
from pydantic import ValidationError

from ci.frozen import FrozenModel
from ci.ledger.tags import AGENTS
from ci.settings import Settings
from ci.stages.credentials import Credentials
from ci.stages.errors import CONNECTION_REFUSED, Refused
from ci.stages.toolchain import UV_VERSION, VENV, base, without_caches

LOCK = "agent.lock"
# What the agent imports of this package, beside its locked dependencies.
PARTS = [
    "ci/__init__.py",
    "ci/agent",
    "ci/analysis",
    "ci/escaping.py",
    "ci/hints.py",
    "ci/progress.py",
    "ci/delivery",
    "ci/edge",
    "ci/frozen.py",
    "ci/ledger",
    "ci/outcome.py",
    "ci/settings",
    "ci/targets",
]
PROJECT = ["pyproject.toml", "uv.lock"]
PROGRAM = "/usr/local/bin/slipway-agent"
SCRIPT = '#!/bin/sh\nexec python -m ci.agent "$@"\n'
# git knows what a clean checkout is; ssh-keygen signs and verifies; a static busybox is what the local engine needs of
# an image where it reaches no other.
PACKAGES = "git openssh-client busybox-static"
PIN = f"ci call pin-agent -o {LOCK}"


class Pin(FrozenModel):
    """The contents of `agent.lock`."""

    # The sha256 of everything that the agent's image is built from.
    inputs: str
    # `repository@sha256:…`
    image: str


def build_agent(settings: Settings) -> dagger.Container:
    """Return the agent's image, built from this version of the module."""
    source = dag.current_module().source()
    install = f"apt-get update -qq && apt-get install -qq --no-install-recommends {PACKAGES} >/dev/null"
    return (
        base(settings)
        .with_env_variable("DEBIAN_FRONTEND", "noninteractive")
        # One step: a package list from long ago may name packages that are gone.
        .with_exec(["sh", "-euc", f"{install} && rm -rf /var/lib/apt/lists/*"])
        .with_files("/app", [source.file(name) for name in PROJECT])
        # With bytecode: each run is a new process in a new container, and would compile what it imports again.
        .with_exec(["uv", "sync", "--quiet", "--compile-bytecode", "--only-group", "agent", "--no-install-workspace"])
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        .with_directory("/app", source, include=PARTS, exclude=["**/__pycache__"])
        .with_new_file(PROGRAM, SCRIPT, permissions=0o755)
        .with_exec(["python", "-m", "compileall", "-q", "ci"])
        .with_(without_caches)
    )


async def find_agent(
    settings: Settings, source: dagger.Directory, environment: str, credentials: Credentials
) -> dagger.Container:
    """Return the agent's image: the pinned one, or one that is built here.

    `environment` is the one that the agent works on; empty: none.

    Raises:
        Refused: None is pinned for this version of Slipway or this engine cannot reach the pinned one, and the
            environment is not of the kind dev.
    """
    if credentials.build_agent:
        return build_agent(settings)
    pin = await _read_pin(source)
    current = pin is not None and pin.inputs == agent_inputs(settings)
    if pin and current and (pulled := await _pull(pin.image, settings, credentials)):
        return pulled
    if not environment or settings.environment(environment).kind == "dev":
        return build_agent(settings)
    if pin and current:
        raise Refused(
            f"{environment}: this engine has a loopback address of its own, where no registry answers, so the agent "
            f"that {LOCK} pins ({pin.image}) cannot be pulled. Name the registry by an address that the engine reaches "
            "too, or build the agent here for this once: ci call --build-agent …"
        )
    why = f"pins the agent of another version of Slipway ({pin.image})" if pin else "is missing"
    raise Refused(
        f"{environment}: {LOCK} {why}: the agent gets keys and sockets, so its image must be pinned there. Pin it, and "
        f"commit the file: {PIN}. To build the agent here for this once: ci call --build-agent …"
    )


def agent_tag(settings: Settings) -> str:
    """Return the reserved tag of the agent's image.

    It is in the service's own repository, since some registries create no repository by themselves.
    """
    return f"{AGENTS}{agent_inputs(settings)[:32]}"


def write_pin(settings: Settings, image: str) -> str:
    """Return the text of `agent.lock` for an image by digest."""
    pin = Pin(inputs=agent_inputs(settings), image=image)
    return json.dumps(pin.model_dump(), indent=2) + "\n"


def agent_inputs(settings: Settings) -> str:
    """Return the sha256 of everything that the agent's image is built from: the same on every machine and engine."""
    recipe = [settings.base_image(), UV_VERSION, PACKAGES, SCRIPT]
    return hashlib.sha256(json.dumps([recipe, _files()]).encode()).hexdigest()


@cache
def _files() -> list[tuple[str, str]]:
    """Return the module's own files that are in the image, with the sha256 of each."""
    root = Path(__file__).parents[2]
    paths = [root / name for name in PROJECT]
    for part in PARTS:
        path = root / part
        paths += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [(path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


async def _pull(image: str, settings: Settings, credentials: Credentials) -> dagger.Container | None:
    """Return the image; None: its registry is at a loopback address that is not the engine's own."""
    registry, container = settings.registry, dag.container()
    if credentials.registry_password:
        container = container.with_registry_auth(
            registry.host, credentials.registry_user, credentials.registry_password
        )
    container = container.from_(image)
    if not registry.is_loopback:
        return container
    try:
        return await container.sync()
    except dagger.QueryError as error:
        if CONNECTION_REFUSED not in str(error):
            raise
    return None


async def _read_pin(source: dagger.Directory) -> Pin | None:
    if not await source.exists(LOCK):
        return None
    try:
        return Pin.model_validate_json(await source.file(LOCK).contents())
    except ValidationError as error:
        raise Refused(f"{LOCK}: is not a valid pin: write the file again: {PIN}") from error
