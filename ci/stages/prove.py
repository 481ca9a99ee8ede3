"""The service's own tests against a release that runs: integration tests, or smoke tests where data is real."""

import shlex

import dagger

from ci.causes import advice
from ci.settings import Settings
from ci.stages.errors import StageFailed
from ci.stages.failing import to_type
from ci.stages.push import archive
from ci.stages.target import MOUNTED, Target
from ci.stages.toolchain import without_caches, workbench
from ci.targets import protocol

MEMORY = "its container has no limit but the memory of the target's machine: let it use less, or take a larger one"


def prover(settings: Settings, service: dagger.Directory) -> dagger.Container:
    """Return the image that the tests run in, as a one-off container on the stack's network."""
    return workbench(settings, service).with_(without_caches)


def proof(target: Target, service: dagger.Directory) -> tuple[protocol.Proof, dagger.File]:
    """Return the environment's proof, and the archive of its image: to be mounted where the proof says."""
    tests = target.settings.app.tests
    folder = tests.integration if target.settings.environment(target.name).proof == "integration" else tests.smoke
    command = ("python", "-m", "pytest", folder, "--color=no", "-q")
    return protocol.Proof(tarball=MOUNTED, command=command), archive(prover(target.settings, service))


def unproven(target: Target, wanted: protocol.Proof, proved: protocol.Proved) -> str:
    """Tell how a proof failed, and what to do next."""
    lines = [
        f"{target.name}: {proved.message}",
        "",
        *how(target, wanted, proved),
    ]
    return "\n".join(lines)


def how(target: Target, wanted: protocol.Proof, proved: protocol.Proved) -> list[str]:
    """Tell what a proof wrote, what ran, and what to type."""
    lines = [
        proved.output.strip(),
        "",
        f"  what ran:        {shlex.join(wanted.command)}",
        "  where:           a container beside the release, on its network",
        *to_type(into="call shell --stage test terminal", just=f"call integration-test --env {target.name}"),
        advice(proved.output, exit_code=proved.exit_code, memory=MEMORY),
    ]
    return lines[:-1] if not lines[-1] else lines


async def prove(target: Target, service: dagger.Directory) -> protocol.Proved:
    """Run the environment's proof against what serves; raises StageFailed with the tests' output unless they pass."""
    wanted, tests = proof(target, service)
    proved = await target.ask(protocol.Prove, protocol.Proved, mounted=tests, **wanted.model_dump())
    if not proved.ok:
        raise StageFailed(unproven(target, wanted, proved))
    return proved
