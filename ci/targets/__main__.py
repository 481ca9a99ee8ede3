"""The program that runs beside a target: a request on standard input, an outcome on standard output."""

import asyncio
import sys

from ci.targets.access import reach
from ci.targets.errors import TargetError
from ci.targets.protocol import AnyOutcome, AnyRequest, Failed, read_request
from ci.targets.swarm import handle


async def answer(request: AnyRequest) -> AnyOutcome:
    """Carry out a request."""
    try:
        async with reach(request.stack.environment.target, request.access) as daemon:
            return await handle(daemon, request)
    except TargetError as error:
        return Failed(message=f"{request.phase}: {error}", reason=error.reason)


def main() -> None:
    """Answer the request on standard input."""
    outcome = asyncio.run(answer(read_request(sys.stdin.read())))
    sys.stdout.write(outcome.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
