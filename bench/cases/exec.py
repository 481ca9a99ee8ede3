"""(c) One step in a container against `docker run` and `docker commit`."""

import time
import uuid
from collections.abc import Iterator

from bench.commands import docker, steps
from bench.table import Note, Row


def measure(runs: int) -> Iterator[Row | Note]:
    """Run a step whose files are kept, in a session that is open; by hand it is two commands."""
    ours = [took[0] for took in steps("single", runs)]
    yield Row("c", "one exec step", ours, [_by_hand() for _ in range(runs)], "≤ 1.2")
    yield Note("c", "by hand: docker run and docker commit; removing the container is counted on neither side")


def _by_hand() -> float:
    name = f"slipway-bench-{uuid.uuid4().hex}"
    began = time.monotonic()
    docker("run", "--name", name, "busybox:1", "sh", "-c", f"echo {name} >/file; true")
    image = docker("commit", name)
    took = time.monotonic() - began
    docker("rm", name)
    docker("rmi", image)
    return took
