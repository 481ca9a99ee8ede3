"""The pipeline's own programs, in the steps that reach a target or a registry.

Neither a function nor a step sees the laptop's localhost: what talks to the world outside runs where a socket or a
service is bound.
"""

from uuid import uuid4

import dagger
from dagger import dag

from ci.settings import Settings
from ci.stages.toolchain import VENV, base, without_caches

# What the programs import of this package.
PARTS = [
    "ci/__init__.py",
    "ci/agent",
    "ci/analysis",
    "ci/causes.py",
    "ci/edge",
    "ci/frozen.py",
    "ci/ledger",
    "ci/settings",
    "ci/targets",
]
REQUEST = "/run/request.json"
OUTCOME = "/run/outcome.json"


def program(settings: Settings) -> dagger.Container:
    """Return the container that holds the programs, with their locked dependencies."""
    source = dag.current_module().source()
    return (
        base(settings)
        .with_files("/app", [source.file("pyproject.toml"), source.file("uv.lock")])
        .with_exec(["uv", "sync", "--quiet", "--only-group", "programs", "--no-install-workspace"])
        .with_env_variable("PATH", f"{VENV}/bin:$PATH", expand=True)
        .with_directory("/app", source, include=PARTS, exclude=["**/__pycache__"])
        # Leaves the bytecode of what they import, which is a small part of what is installed.
        .with_exec(["python", "-c", "import ci.targets.__main__, ci.ledger.__main__"])
        .with_(without_caches)
    )


def with_ssh(container: dagger.Container) -> dagger.Container:
    """Add OpenSSH's ssh-keygen, which signs and verifies."""
    # One step: with lists from long ago, what they name may be gone.
    install = "apt-get update -qq && apt-get install -qq --no-install-recommends openssh-client >/dev/null"
    container = container.with_env_variable("DEBIAN_FRONTEND", "noninteractive")
    return container.with_exec(["sh", "-euc", install])


async def answered(step: dagger.Container, module: str, request: str) -> str:
    """Run one of the programs and return its outcome; the world outside is another at every call."""
    call = uuid4().hex
    # It holds no secret, but a Dagger engine's progress shows the text of everything that a step gets, except those.
    sent = dag.set_secret(f"request-{call}", request)
    step = step.with_env_variable("SLIPWAY_CALL", call).with_mounted_secret(REQUEST, sent)
    # Into a file: what people see of the step is its progress.
    ran = step.with_exec(["sh", "-c", f"exec python -m {module} <{REQUEST} >{OUTCOME}"])
    return await ran.file(OUTCOME).contents()
