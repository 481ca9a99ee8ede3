"""Paths that the settings name: a missing one is refused before anything is built."""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from pathlib import PurePosixPath

import dagger

from ci.settings import FILE, Settings
from ci.stages.concurrently import run_concurrently
from ci.stages.errors import Refused

UNIT_TESTS = "tests.unit"


def package_paths(settings: Settings, environment: str) -> list[str]:
    """Return the settings of `[app]` whose paths a package needs, the tests of the environment among them."""
    dockerfile = ["dockerfile"] if settings.app.dockerfile else []
    return [*dockerfile, UNIT_TESTS, f"tests.{settings.environment(environment).tests}"]


async def check_paths(settings: Settings, source: dagger.Directory, names: Sequence[str]) -> None:
    """Check that the service's folder holds what some settings of `[app]` name.

    Raises:
        Refused: Something is missing; the message has a line for each.
    """
    paths = {name: str(attrgetter(name)(settings.app)) for name in names}
    exist = await run_concurrently(
        {name: partial(source.exists, str(PurePosixPath(settings.app.path, path))) for name, path in paths.items()}
    )
    where = "the repository" if settings.app.path == "." else settings.app.path
    missing = [
        f"{FILE}: app.{name}: there is no {path} in {where}: add it, or name another"
        for name, path in paths.items()
        if not exist[name]
    ]
    if missing:
        raise Refused("\n".join(missing))
