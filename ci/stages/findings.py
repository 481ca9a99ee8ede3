"""The findings of the tests and the linters, for GitHub's annotations and for the terminal."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import dagger

from ci.settings import Settings
from ci.stages import lint, test
from ci.stages.concurrently import run_concurrently
from ci.stages.finding import Finding, read_findings
from ci.stages.service import Service


async def collect_findings(settings: Settings, source: dagger.Directory) -> tuple[Finding, ...]:
    """Run the tests and the linters, and return their findings; findings are no error here.

    Each tool is the same step as in `test` and `lint`: a step that passed there comes from the cache.
    """
    service = await Service.of(settings, source)
    tools: dict[str, Callable[[], Awaitable[Any]]] = {
        "lint": partial(lint.run_linters, settings, source),
        "test": partial(_run_tests, settings, service),
    }
    done = await run_concurrently(tools)
    results: dict[str, lint.Result] = done["lint"]
    found = [finding for result in results.values() for finding in result.findings]
    return (*found, *read_findings("pytest", done["test"], settings.app.path, service.workspace.root))


async def _run_tests(settings: Settings, service: Service) -> str:
    try:
        await test.run_tests(settings, service).sync()
    except dagger.ExecError as error:
        return f"{error.stdout}\n{error.stderr}"
    return ""
