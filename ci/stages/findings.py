"""What the tests and the linters complain about, line by line: for GitHub to annotate, and to read at the terminal."""

from functools import partial

import dagger

from ci.settings import Settings
from ci.stages import lint, test
from ci.stages.concurrently import run_concurrently
from ci.stages.finding import Finding, read_findings


async def collect_findings(settings: Settings, source: dagger.Directory) -> tuple[Finding, ...]:
    """Run the tests and the linters, and return what they complain about; that they do is no error here.

    Each is the step that `test` and `lint` run: what passed there is not run again.
    """
    service = source.directory(settings.app.path)
    tools = {**await lint.linters(settings, source), "pytest": test.run_tests(settings, service)}
    said = await run_concurrently({name: partial(_said, container) for name, container in tools.items()})
    folders = {name: "" if name in lint.REPOSITORY_LINTERS else settings.app.path for name in tools}
    return tuple(found for name in tools for found in read_findings(name, said[name], folders[name]))


async def _said(container: dagger.Container) -> str:
    try:
        await container.sync()
    except dagger.ExecError as error:
        return f"{error.stdout}\n{error.stderr}"
    return ""
