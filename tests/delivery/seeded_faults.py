"""Faults seeded into a copy of ci/delivery, one at a time, to show that the random histories can see.

`python -m tests.delivery.seeded_faults` prints a table: the fault, the invariant that it breaks, and how many histories
ran until then.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

import ci
from tests.delivery.histories import Command, histories, run_history
from tests.delivery.invariants import BrokenError

ROOT = Path(__file__).parents[2]
# What the copy needs beside `ci`.
TESTS = ("virtual_time.py", "delivery", "targets/memory.py", "ledger/memory.py")
# The histories that may run until a fault is found.
LIMIT = 3000


@dataclass(frozen=True)
class SeededFault:
    """A change of one source file that must not go unseen."""

    name: str
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Finding:
    """The invariant that a fault breaks (empty: none), and how many histories ran until then."""

    invariant: str
    count: int
    detail: str = ""


FAULTS = (
    SeededFault(
        "the policy is not checked before the switch",
        "deploy.py",
        "    await recheck_policy(run, release)\n",
        "",
    ),
    SeededFault(
        "the intent stays after a finished delivery",
        "deploy.py",
        "        await target.clear_intent()\n        retired = await target.retire()\n",
        "        retired = await target.retire()\n",
    ),
    SeededFault(
        "success is recorded before the delivery is carried out",
        "deliver.py",
        "        report = await _carry_out(",
        '        await _record(policy, history, start, decision, run.report(Outcome.SUCCEEDED, "done"))\n'
        "        return await _carry_out(",
    ),
    SeededFault(
        "the lock is not released",
        "lock.py",
        "            await target.release_lock(token)\n",
        "            pass\n",
    ),
    SeededFault(
        "an undo routes users to the candidate",
        "recovery.py",
        "        await target.route(intent.current)\n",
        "        await target.route(intent.candidate)\n",
    ),
    SeededFault(
        "the verify window is skipped",
        "deploy.py",
        "    verdict = await verify(run, release)\n",
        "    verdict = await verify_current(run.target, 0)\n",
    ),
    SeededFault(
        "a delivery that was rolled back is recorded as a success",
        "recording.py",
        "        outcome=report.outcome,\n",
        '        outcome="succeeded" if report.outcome == "rolled_back" else report.outcome,\n',
    ),
    SeededFault(
        "recovery finishes what it has to undo",
        "recovery.py",
        "    if await _can_finish(target, state, intent):\n",
        "    if intent:\n",
    ),
    SeededFault(
        "the policy is not checked under the lock",
        "deliver.py",
        "            decision, history = await policy.check(request)\n",
        "            history = await policy.ledger.read()\n",
    ),
    SeededFault(
        "users are switched to a release that is not healthy",
        "deploy.py",
        '        if not health.ok:\n            raise NotReadyError(f"{release} is not',
        '        if False:\n            raise NotReadyError(f"{release} is not',
    ),
)


def hunt(fault: SeededFault | None, limit: int = LIMIT) -> Finding:
    """Run histories on a copy of the code with a fault in it, until an invariant breaks."""
    with _copy(fault) as folder:
        environment = os.environ | {"PYTHONPATH": str(folder)}
        command = [sys.executable, "-m", "tests.delivery.seeded_faults", "hunt", str(limit)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{fault}: the histories did not run:\n{done.stderr[-2000:]}")
    return Finding(**json.loads(done.stdout))


@contextmanager
def _copy(fault: SeededFault | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "ci", folder / "ci", ignore=shutil.ignore_patterns("__pycache__"))
        for path in TESTS:
            source, copy = ROOT / "tests" / path, folder / "tests" / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        if fault:
            _seed(folder / "ci" / "delivery" / fault.file, fault)
        yield folder


def _seed(path: Path, fault: SeededFault) -> None:
    text = path.read_text()
    if text.count(fault.old) != 1:
        what = f"{fault.file} must hold this once, and holds it {text.count(fault.old)} times"
        raise ValueError(f"{fault.name}: {what}:\n{fault.old}")
    path.write_text(text.replace(fault.old, fault.new))


def _hunt_here(limit: int) -> Finding:
    """Run histories on the code of the working folder."""
    if not str(ci.__file__).startswith(str(Path.cwd())):
        raise RuntimeError(f"this runs {ci.__file__}, not the copy in {Path.cwd()}")
    found, count = list[Finding](), 0

    @settings(
        max_examples=limit,
        # What is found need not be made small.
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories)
    def run(history: list[Command]) -> None:
        nonlocal count
        count += not found
        try:
            run_history(history)
        except Exception as error:
            name = error.invariant if isinstance(error, BrokenError) else f"no run ends by a {type(error).__name__}"
            found.append(Finding(name, count, str(error)))
            raise

    with contextlib.suppress(Exception):
        run()
    return found[0] if found else Finding("", count)


def main() -> None:
    """Print the table, or hunt in the working folder."""
    if sys.argv[1:2] == ["hunt"]:
        output = io.StringIO()
        with contextlib.redirect_stderr(output):
            found = _hunt_here(int(sys.argv[2]))
        sys.stdout.write(json.dumps(vars(found)))
        return
    sys.stdout.write("| fault | found by | after |\n|---|---|---|\n")
    for fault in FAULTS:
        found = hunt(fault)
        sys.stdout.write(f"| {fault.name} | {found.invariant or 'NOT FOUND'} | {found.count} histories |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
