"""`python -m bench.session [--FLAG=VALUE…] FUNCTION…`: functions at once in one session, as `deploy` calls them."""

import asyncio
import sys
from typing import TYPE_CHECKING

from ci.local.cli import session
from ci.local.cli.evaluate import evaluate
from ci.local.cli.options import Options
from ci.local.cli.parser import parse
from ci.local.modules.session import Session
from ci.local.modules.source import ModuleSource

if TYPE_CHECKING:
    from ci.local.cli.progress import Display
    from ci.local.engine import Engine


def main(words: list[str]) -> int:
    """Call functions, each with the flags as the constructor's, and return the exit status."""
    flags = [word for word in words if word.startswith("-")]
    names = [word for word in words if not word.startswith("-")]

    async def work(engine: "Engine", _display: "Display") -> int:
        async with Session.open(engine, ModuleSource.find(None, engine.workdir)) as opened:
            opened.prepare()
            await opened.load()
            async with asyncio.TaskGroup() as group:
                for name in names:
                    chain = parse(opened.module, opened.source.main_object, [*flags, name])
                    group.create_task(evaluate(opened, chain))
        return 0

    return session.run(Options(progress="plain"), work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
