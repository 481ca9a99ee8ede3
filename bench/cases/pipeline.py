"""(a) and (b) The whole pipeline up to the push, on empty caches and with nothing changed; (g) its peak memory."""

import shlex
import tempfile
import uuid
from collections.abc import Iterator

from bench.commands import CI, ROOT, attempt, docker, engine_cache, log, run, seconds, seconds_and_peak
from bench.memory import Peak
from bench.table import Note, Row
from ci.stages.lint import ACTIONLINT, ZIZMOR
from ci.stages.sbom import CYCLONEDX
from ci.stages.toolchain import UV_VERSION
from slipway_engine.model.node import short_name

REPOSITORY = "localhost:5000/slipway-bench/orders"
OURS = (CI, "call", "--progress=plain", f"--overrides=registry.repository={REPOSITORY}", "package")
PLAIN = str(ROOT / "bench" / "plain.sh")
NOTE = (
    "test with PostgreSQL, JUnit and coverage; ruff, ruff format, mypy, actionlint and zizmor; image; CycloneDX; "
    "push to localhost:5000. On both sides the base images are there, the downloads of pip and uv are in the same "
    "two volumes, and the registry keeps what earlier runs pushed. Cold, Slipway has an empty cache, and the script "
    "none of its images and linters' caches. Slipway's is `ci call package`, which also records the build in the "
    "ledger; its time includes starting ci and loading the module. Warm, it finds the version there"
)


def measure(runs: int) -> Iterator[Row | Note]:
    """Run both sides cold and then warm, `runs` times."""
    times: dict[str, list[float]] = {"ours cold": [], "ours warm": [], "theirs cold": [], "theirs warm": []}
    peaks: list[Peak] = []
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as out:
        plain = _plain(out)
        try:
            _fill_downloads(plain)
            for number in range(runs):
                log(f"pipeline {number + 1}/{runs}")
                # A version is built once for ever.
                ours = (*OURS, f"--version=bench-{uuid.uuid4().hex[:12]}")
                with engine_cache() as env:
                    took, peak = seconds_and_peak(*ours, env=env)
                    times["ours cold"].append(took)
                    peaks.append(peak)
                    times["ours warm"].append(seconds(*ours, env=env))
                run(PLAIN, "clean", env=plain)
                times["theirs cold"].append(seconds(PLAIN, env=plain))
                times["theirs warm"].append(seconds(PLAIN, env=plain))
                log(", ".join(f"{side} {took[-1]:.1f} s" for side, took in times.items()))
        finally:
            run(PLAIN, "clean", env=plain)
            attempt("docker", "image", "rm", "--force", *docker("image", "ls", "--quiet", REPOSITORY).split())
    yield Row("a", "test, lint, build, sbom, push: cold", times["ours cold"], times["theirs cold"], "≤ 0.8")
    yield Row("b", "the same with nothing changed", times["ours warm"], times["theirs warm"], "≤ 0.5")
    yield Note("a, b", NOTE)
    yield Row("g", "the engine's peak memory", [peak.own for peak in peaks], wanted="≤ 200 MiB", unit="MiB")
    yield Row("g", "a function's process", [peak.children for peak in peaks], unit="MiB")
    yield Note(
        "g", "VmHWM in the cold runs: of the process in which the engine runs, and the highest of those below it"
    )


def _plain(out: str) -> dict[str, str]:
    """Return the script's environment: the same tools, and the volumes that the engine keeps downloads in."""
    volumes = {name: f"slipway-cache-{short_name(f'slipway-{name}')}" for name in ("pip", "uv")}
    return {
        "PLAIN_OUT": out,
        "PLAIN_PIP": volumes["pip"],
        "PLAIN_UV": volumes["uv"],
        "UV_VERSION": UV_VERSION,
        "CYCLONEDX": CYCLONEDX[CYCLONEDX.index("--from") + 1],
        "ACTIONLINT": shlex.join(ACTIONLINT),
        "ZIZMOR": shlex.join(ZIZMOR),
    }


def _fill_downloads(plain: dict[str, str]) -> None:
    there = docker("volume", "ls", "--quiet").splitlines()
    if not {plain["PLAIN_PIP"], plain["PLAIN_UV"]} <= set(there):
        log("filling the download caches by a first run that is not counted")
        run(PLAIN, env=plain)
