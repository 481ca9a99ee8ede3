"""A registry of a test's own, which asks for a password."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.machine import docker

ASKING = {"AUTH": "htpasswd", "AUTH_HTPASSWD_REALM": "team", "AUTH_HTPASSWD_PATH": "/auth/htpasswd"}


@contextmanager
def a_registry(folder: Path, port: int, **settings: str) -> Iterator[str]:
    """Run a registry on a port until the block ends: its address; a folder is `/auth` to it and has its `htpasswd`."""
    variables = [f"--env=REGISTRY_{name}={value}" for name, value in (ASKING | settings).items()]
    options = ["--detach", f"--publish=127.0.0.1:{port}:5000", f"--volume={folder}:/auth:ro", *variables]
    container = docker("run", *options, "--env=OTEL_TRACES_EXPORTER=none", "registry:3")
    try:
        while "listening on" not in _logs(container):
            time.sleep(0.1)
        yield f"localhost:{port}"
    finally:
        docker("rm", "--force", "--volumes", container)


def _logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr
