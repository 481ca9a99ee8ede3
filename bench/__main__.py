"""`python -m bench [--runs N] [CASE…]`: measure, and print one table."""

import argparse
import importlib
import sys

from bench.commands import log
from bench.table import Note, Row, render_table

CASES = ("pipeline", "deploy", "commands", "exec", "functions", "parallel", "tree")


def main() -> None:
    """Measure the chosen cases, all of them unless some are named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"what to measure: {', '.join(CASES)}")
    parser.add_argument("--runs", type=int, default=5, help="how many runs each median is of (default: 5)")
    chosen = parser.parse_args()
    if unknown := set(chosen.cases) - set(CASES):
        parser.error(f"there is no case {min(unknown)!r}: there are {', '.join(CASES)}")
    if chosen.runs < 1:
        parser.error(f"--runs: must be at least 1 (is {chosen.runs})")
    found = [found for case in chosen.cases or CASES for found in _measure(case, chosen.runs)]
    rows, notes = [f for f in found if isinstance(f, Row)], [f for f in found if isinstance(f, Note)]
    sys.stdout.write(render_table(rows, notes) + "\n")


def _measure(case: str, runs: int) -> list[Row | Note]:
    log(f"measuring {case}")
    found: list[Row | Note] = list(importlib.import_module(f"bench.cases.{case}").measure(runs))
    return found


if __name__ == "__main__":
    main()
