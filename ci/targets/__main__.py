"""The program that runs beside a target: a request on standard input, an outcome on standard output."""

import asyncio
import signal
import sys

from ci.targets.access import reach
from ci.targets.errors import TargetError
from ci.targets.protocol import AnyOutcome, AnyRequest, Failed, Provision, read_request
from ci.targets.provision import provision
from ci.targets.swarm import handle


async def answer(request: AnyRequest) -> AnyOutcome:
    """Carry out a request."""
    try:
        if isinstance(request, Provision):
            return await provision(request)
        async with reach(request.stack.environment, request.access) as daemon:
            return await handle(daemon, request)
    except TargetError as error:
        return Failed(message=f"{request.phase}: {error}", reason=error.reason)


async def run(text: str) -> str:
    """Answer a request's JSON in JSON."""
    # As the first process of a container Python would ignore it, and a deploy would hold its lock until it is missed.
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return (await answer(read_request(text))).model_dump_json()


def main() -> None:
    """Answer the request on standard input."""
    try:
        outcome = asyncio.run(run(sys.stdin.read()))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    sys.stdout.write(f"{outcome}\n")


if __name__ == "__main__":
    main()
