"""The service's own tests against a release that runs: integration tests, or smoke tests where data is real."""

import dagger

from ci.settings import Settings
from ci.stages.errors import StageFailed
from ci.stages.push import archive
from ci.stages.target import MOUNTED, Target
from ci.stages.toolchain import without_caches, workbench
from ci.targets import protocol


def prover(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the image that the tests run in, as a one-off container on the stack's network."""
    return workbench(settings, service).with_(without_caches)


def proof(target: Target, service: dagger.Directory) -> tuple[protocol.Proof, dagger.File]:
    """Return the environment's proof, and the archive of its image: to be mounted where the proof says."""
    tests = target.settings.app.tests
    folder = tests.integration if target.settings.environment(target.name).proof == "integration" else tests.smoke
    command = ("python", "-m", "pytest", folder, "--color=no", "-q")
    return protocol.Proof(tarball=MOUNTED, command=command), archive(prover(target.settings, service))


async def prove(target: Target, service: dagger.Directory) -> protocol.Proved:
    """Run the environment's proof against what serves; raises StageFailed with the tests' output unless they pass."""
    wanted, tests = proof(target, service)
    proved = await target.ask(protocol.Prove, protocol.Proved, mounted=tests, **wanted.model_dump())
    if not proved.ok:
        raise StageFailed(f"{target.name}: {proved.message}\n\n{proved.output.strip()}")
    return proved
