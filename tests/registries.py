"""Registries of a test's own: one that asks for a password, and one that takes everything and can be stopped."""

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.machine import docker

PATIENCE = 60  # seconds

ASKING = {"AUTH": "htpasswd", "AUTH_HTPASSWD_REALM": "team", "AUTH_HTPASSWD_PATH": "/auth/htpasswd"}


@contextmanager
def a_registry(folder: Path, port: int, **settings: str) -> Iterator[str]:
    """Run a registry on a port until the block ends: its address; a folder is `/auth` to it and has its `htpasswd`."""
    variables = [f"--env=REGISTRY_{name}={value}" for name, value in (ASKING | settings).items()]
    options = ["--detach", f"--publish=127.0.0.1:{port}:5000", f"--volume={folder}:/auth:ro", *variables]
    container = docker("run", *options, "--env=OTEL_TRACES_EXPORTER=none", "registry:3")
    try:
        _wait(container, 1)
        yield f"localhost:{port}"
    finally:
        docker("rm", "--force", "--volumes", container)


@dataclass
class Stoppable:
    """A registry that a test may stop and start."""

    container: str
    port: int
    starts: int = 0

    def start(self) -> None:
        """Start it, and wait until it listens."""
        docker("start", self.container)
        self.starts += 1
        _wait(self.container, self.starts)

    def kill(self) -> None:
        """Let it end at once."""
        docker("kill", self.container)


@contextmanager
def a_stoppable_registry(port: int, data: Path | None = None) -> Iterator[Stoppable]:
    """Run a registry that asks for nothing on a port until the block ends; a folder has what it is given."""
    options = [f"--name=e2e-registry-{uuid.uuid4().hex[:8]}", f"--publish=127.0.0.1:{port}:5000"]
    options += ["--env=OTEL_TRACES_EXPORTER=none", *([f"--volume={data}:/var/lib/registry"] if data else [])]
    registry = Stoppable(docker("create", *options, "registry:3"), port)
    try:
        registry.start()
        yield registry
    finally:
        docker("rm", "--force", "--volumes", registry.container)


def _wait(container: str, starts: int) -> None:
    """Wait until a registry has said for the nth time that it listens: a port that Docker publishes answers before."""
    end = time.monotonic() + PATIENCE
    while _logs(container).count("listening on") < starts:
        assert time.monotonic() < end, _logs(container)
        time.sleep(0.1)


def _logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr
