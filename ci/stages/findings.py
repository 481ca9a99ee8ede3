"""The findings of the tests and the linters, for GitHub's annotations and for the terminal."""

from functools import partial

import dagger

from ci.settings import Settings
from ci.stages import lint, test
from ci.stages.concurrently import run_concurrently
from ci.stages.finding import Finding, read_findings


async def collect_findings(settings: Settings, source: dagger.Directory) -> tuple[Finding, ...]:
    """Run the tests and the linters, and return their findings; findings are no error here.

    Each tool is the same step as in `test` and `lint`: a step that passed there comes from the cache.
    """
    service = source.directory(settings.app.path)
    tools = {**await lint.linters(settings, source), "pytest": test.run_tests(settings, service)}
    outputs = await run_concurrently({name: partial(_read_output, container) for name, container in tools.items()})
    folders = {name: "" if name in lint.REPOSITORY_LINTERS else settings.app.path for name in tools}
    return tuple(found for name in tools for found in read_findings(name, outputs[name], folders[name]))


async def _read_output(container: dagger.Container) -> str:
    try:
        await container.sync()
    except dagger.ExecError as error:
        return f"{error.stdout}\n{error.stderr}"
    return ""
