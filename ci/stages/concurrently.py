"""Named work at the same time: the first failure stops the rest."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio


async def run_concurrently(work: Mapping[str, Callable[[], Awaitable[Any]]]) -> dict[str, Any]:
    """Run named work at once and return the results by name; the first failure is raised and stops the rest."""
    results: dict[str, Any] = {}
    failures: list[Exception] = []

    async def run(name: str, start: Callable[[], Awaitable[Any]], scope: anyio.CancelScope) -> None:
        try:
            results[name] = await start()
        except Exception as error:  # noqa: BLE001 - raised below, as itself instead of in a group
            failures.append(error)
            scope.cancel()

    async with anyio.create_task_group() as group:
        for name, start in work.items():
            group.start_soon(run, name, start, group.cancel_scope)
    if failures:
        raise failures[0]
    return results
