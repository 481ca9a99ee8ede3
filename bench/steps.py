"""`ci run -- python -m bench.steps CASE RUNS`: steps in containers through the API; prints their seconds as JSON."""

import json
import sys
import time
import uuid

import anyio
import dagger
from dagger import dag

COUNT = 20
# About a fifth of a second of a processor.
LOOP = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"


def step(script: str) -> dagger.Container:
    """Return a step that no cache knows."""
    return dag.container().from_("busybox:1").with_exec(["sh", "-c", f"echo {uuid.uuid4().hex} >/file; {script}"])


async def single() -> list[float]:
    """Run one step."""
    began = time.monotonic()
    await step("true").sync()
    return [time.monotonic() - began]


async def many() -> list[float]:
    """Run independent steps at once, and then as many one after another."""
    began = time.monotonic()
    async with anyio.create_task_group() as group:
        for _ in range(COUNT):
            group.start_soon(step(LOOP).sync)
    between = time.monotonic()
    for _ in range(COUNT):
        await step(LOOP).sync()
    return [between - began, time.monotonic() - between]


async def main(case: str, runs: int) -> None:
    """Measure, after one step that is not counted."""
    async with dagger.connection(dagger.Config(log_output=sys.stderr)):
        await step("true").sync()
        print(json.dumps([await {"single": single, "many": many}[case]() for _ in range(runs)]))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], int(sys.argv[2]))
