"""The service's own tests against a release that runs: integration tests, or smoke tests where data is real."""

import dagger

from ci.settings import Settings
from ci.stages.errors import StageFailed
from ci.stages.push import archive
from ci.stages.target import MOUNTED, Target
from ci.stages.toolchain import workbench
from ci.targets import protocol


def prover(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the image that the tests run in, as a one-off container on the stack's network."""
    return workbench(settings, service).without_mount("/root/.cache/pip").without_mount("/root/.cache/uv")


async def prove(target: Target, service: dagger.Directory, release: str = "") -> protocol.Proved:
    """Run the environment's proof against a release, or without one against what serves; the outcome can be bad."""
    settings = target.settings
    tests = settings.app.tests
    folder = tests.integration if settings.environment(target.name).proof == "integration" else tests.smoke
    image = prover(settings, service)
    return await target.ask(
        protocol.Prove,
        protocol.Proved,
        mounted=archive(image),
        release=release,
        image=f"{settings.app.name}-tests:{(await service.digest()).removeprefix('sha256:')[:12]}",
        tarball=MOUNTED,
        command=("python", "-m", "pytest", folder, "--color=no", "-q"),
    )


def require(proved: protocol.Proved) -> None:
    """Raise StageFailed with the tests' output unless they passed."""
    if not proved.ok:
        raise StageFailed(f"{proved.message}\n\n{proved.output.strip()}")
