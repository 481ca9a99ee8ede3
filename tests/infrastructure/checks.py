"""`python -m tests.infrastructure.checks IMAGE`: the preflight alone, for the environment `dev` of SLIPWAY_HOME.

Prints the checks as JSON, or the error and ends with 1.
"""

import asyncio
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter

from ci.agent.context import Context
from ci.agent.home import Home
from ci.targets.errors import TargetError
from ci.targets.target import Check

CHECKS: TypeAdapter[list[Check]] = TypeAdapter(list[Check])


async def check(home: Home, image: str) -> list[Check]:
    """Run the preflight of an image."""
    async with Context(home, home.rules()).target("dev") as target:
        return list(await target.check(image))


if __name__ == "__main__":
    try:
        found = asyncio.run(check(Home(Path(os.environ["SLIPWAY_HOME"])), sys.argv[1]))
    except TargetError as error:
        sys.exit(str(error))
    sys.stdout.write(CHECKS.dump_json(found).decode())
