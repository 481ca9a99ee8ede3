"""(g) The memory of the engine and of the functions' processes, in a whole run on an empty cache."""

from collections.abc import Iterator

from bench.cases.pipeline import OURS
from bench.commands import engine_cache, say, seconds_and_peak
from bench.table import Note, Row


def measure(runs: int) -> Iterator[Row | Note]:
    """Run the pipeline up to the push, and look at the peaks of its processes."""
    peaks = []
    for number in range(runs):
        say(f"memory {number + 1}/{runs}")
        with engine_cache() as env:
            peaks.append(seconds_and_peak(*OURS, env=env)[1])
    yield Row("g", "the engine's peak memory", [peak.own for peak in peaks], wanted="≤ 200 MiB", unit="MiB")
    yield Row("g", "a function's process", [peak.children for peak in peaks], unit="MiB")
    yield Note("g", "VmHWM of the process in which the engine runs, and the highest one of the processes below it")
