"""(b2) The rest of a deploy, from the candidate's start to the switch, and (h) the way back, against Docker's own."""

import asyncio
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.commands import attempt, docker, log
from bench.table import Note, Row
from ci.targets.stack import Stack
from ci.targets.swarm.names import Names
from tests.agents import Agent
from tests.machine import a_free_port

DOCKERFILE = """\
FROM python:3.13-slim
COPY healthz /www/healthz
ARG BUILD
ENV BUILD=$BUILD
USER 10001:10001
CMD ["python", "-m", "http.server", "8000", "--directory", "/www"]
"""
SETTINGS = """\
[app]
name = "{name}"
dockerfile = "Dockerfile"

[registry]
repository = "localhost:5000/{name}"

[environments.dev]
kind = "dev"
edge.port = {port}
verify = {{ window = 1, min_requests = 1 }}
"""
# By hand, a rolling update has to start a health check inside the container.
HEALTH_COMMAND = """python -ISc "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')\""""
MEASURED = {"candidate", "switch"}


def measure(runs: int) -> Iterator[Row | Note]:
    """Deploy one build after the other both ways: the same image, replicas and limits, and a health check."""
    name = f"slipway-bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        agent = Agent(Path(folder), SETTINGS.format(name=name, port=a_free_port()))
        yield from _measure(agent, name, runs)


def _measure(agent: Agent, name: str, runs: int) -> Iterator[Row | Note]:
    images = _images(name, runs + 1)
    ours, theirs, back, their_back = [], [], [], []
    try:
        _deploy(agent, images[0])
        _service(agent.stack, name, images[0])
        for number, image in enumerate(images[1:], 1):
            log(f"deploy {number}/{runs}")
            ours.append(_deploy(agent, image))
            theirs.append(_update(name, image))
            # What was gone back to is what serves before the next one.
            back.append(_roll_back(agent, images[0]))
            their_back.append(_update(name, images[0])[0])
    finally:
        attempt("docker", "service", "rm", name)
        asyncio.run(agent.remove())
        attempt("docker", "image", "rm", "--force", *images)
    whole, running = zip(*theirs, strict=True)
    yield Row("b2", "deploy, from candidate to switch", ours, whole, "≤ 1.2")
    yield Row("b2", "the same, by hand until the new replicas run", ours, running)
    yield Row("h", "rollback, from lock to verified", back, their_back, "≤ 0.5")
    yield Note("h", "to the release before, which is kept; by hand docker service update to its image")
    yield Note(
        "b2",
        "two replicas, both new ones at once and before the old ones go, the same image and limits. By hand: docker "
        "service update, with a health check in the container, which then verifies for 5 s that its tasks are stable; "
        "Slipway: the stages candidate and switch of the agent, without tests and verify",
    )


def _images(name: str, count: int) -> list[str]:
    """Build and push so many images that differ, and return their addresses by digest."""
    found = []
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        Path(folder, "Dockerfile").write_text(DOCKERFILE)
        Path(folder, "healthz").write_text("healthy\n")
        for number in range(count):
            tag = f"localhost:5000/{name}:{number}"
            docker("build", "--quiet", "--build-arg", f"BUILD={name}-{number}", "--tag", tag, folder)
            docker("push", "--quiet", tag)
            found.append(docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", tag))
            docker("image", "rm", tag)
            docker("pull", "--quiet", found[-1])
    return found


def _deploy(agent: Agent, image: str) -> float:
    report = asyncio.run(agent.deploy(image[-12:], image))
    if not report.ok:
        raise SystemExit(f"deploy: {report.message}")
    return sum(stage.seconds for stage in report.stages if stage.name in MEASURED)


def _roll_back(agent: Agent, image: str) -> float:
    report = asyncio.run(agent.roll_back(image[-12:]))
    if not report.ok or not report.kept:
        raise SystemExit(f"rollback: {report.message}")
    return sum(stage.seconds for stage in report.stages)


def _service(stack: Stack, name: str, image: str) -> None:
    """Create the same service by hand."""
    environment = stack.environment
    docker(
        *("service", "create", "--quiet", "--name", name, "--replicas", str(environment.replicas)),
        *(
            "--init",
            "--read-only",
            "--update-order",
            "start-first",
            "--update-parallelism",
            "0",
            "--endpoint-mode",
            "dnsrr",
        ),
        *("--limit-cpu", str(environment.resources.cpus), "--limit-memory", str(environment.resources.memory_bytes)),
        *("--health-cmd", HEALTH_COMMAND),
        *("--health-interval", f"{environment.health.interval}s", "--health-timeout", "3s"),
        *("--health-start-period", f"{environment.health.timeout:.0f}s", "--health-retries", "3"),
        *("--network", Names(stack).network, image),
    )


def _update(name: str, image: str) -> tuple[float, float]:
    """Return how long the command took, and after how long the new replicas ran: then it verifies that they stay."""
    command = ("docker", "service", "update", "--image", image, name)
    began, running = time.monotonic(), 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            if line.startswith("verify:") and not running:
                running = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}\n{''.join(lines)}")
    return time.monotonic() - began, running
