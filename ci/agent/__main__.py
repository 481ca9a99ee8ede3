"""`slipway-agent [ARGUMENTS]`: a request's JSON on standard input, its response's JSON on standard output.

ARGUMENTS show the request to people (`deliver dev 1.4.2`) in process lists and progress, and must match the request.
The exit code is 0 for every response, also for a failure; 2 where the input is no request; 143 after SIGTERM. Progress
goes to standard error. `SLIPWAY_HOME` names the agent's home, `SLIPWAY_RESPONSE` a file for the response instead of
standard output.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ci.agent.dispatch import respond
from ci.agent.home import HOME, Home
from ci.agent.protocol.requests import AnyRequest, read_request

USAGE = 2


async def run(home: Home, request: AnyRequest) -> str:
    """Respond to a request in JSON; SIGTERM cancels the work, which then releases its lock."""
    # As the first process of a container, Python would otherwise ignore the signal.
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return (await respond(home, request)).model_dump_json()


def main(arguments: Sequence[str] = ()) -> int:
    """Respond to the request on standard input, and return the exit code."""
    try:
        request = read_request(sys.stdin.read())
    except ValidationError as error:
        sys.stderr.write(f"slipway-agent: standard input is no request: {error}\n")
        return USAGE
    if arguments and tuple(arguments) != request.arguments:
        given, expected = " ".join(arguments), " ".join(request.arguments)
        sys.stderr.write(f"slipway-agent: the command line is {given}, but the request is {expected}\n")
        return USAGE
    try:
        response = asyncio.run(run(Home(Path(os.environ.get("SLIPWAY_HOME") or HOME)), request))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    if path := os.environ.get("SLIPWAY_RESPONSE"):
        Path(path).write_text(response)
    else:
        sys.stdout.write(f"{response}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
