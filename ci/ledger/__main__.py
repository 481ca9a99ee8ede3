"""The program that keeps the ledger: a request on standard input, an outcome on standard output."""

import asyncio
import sys

from ci.ledger.handling import answer
from ci.ledger.protocol import read_request


def main() -> None:
    """Answer the request on standard input."""
    outcome = asyncio.run(answer(read_request(sys.stdin.read())))
    sys.stdout.write(f"{outcome.model_dump_json()}\n")


if __name__ == "__main__":
    main()
