"""A target with a small disk: a host of namespaces, joined to this machine by nothing but sockets."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ci.agent.home import Rules
from ci.agent.protocol.requests import Provision
from ci.agent.protocol.responses import Done
from ci.settings import FILE, Settings
from tests.infrastructure.cluster import bring_images, make_home, with_hosts
from tests.infrastructure.lan import Lan, until

from .conftest import REPOSITORY, Project
from .faults import Target

DISK = "2500m"
FILLER = "/var/lib/docker/filler"


@contextmanager
def a_small_target(lan: Lan, folder: Path, project: Project, registry: int) -> Iterator[Target]:
    """Boot it; this machine's registry and the service's edges have the same addresses on both sides."""
    machine = lan.boot("small", DISK)
    inside = ("nsenter", "--target", machine.init, "--net", "--")
    with ExitStack() as stack:
        _join(stack, folder / "registry.sock", registry, fro=inside)
        for environment in ("dev", "acceptance"):
            port = project.stack_of(environment).environment.edge.port
            _join(stack, folder / f"{environment}.sock", port, to=inside)
        hosts = {machine.label: machine.described()}
        settings = with_hosts(Settings.parse((project.folder / FILE).read_text()), hosts)
        home = make_home(folder, Rules(settings=settings), lan.key)
        provisioned = lan.ask(home, Provision(environment="dev"), Done)
        assert provisioned.ok, provisioned
        bring_images(machine, "caddy:2")
        yield Target(
            # The host's files are its own, and seen from here through its first process.
            socket=f"/proc/{machine.init}/root/run/docker.sock",
            # Not a byte is left.
            fill=lambda: machine.run("sh", "-c", f"cat /dev/zero >>{FILLER} 2>/dev/null || true"),
            free=lambda: machine.run("rm", FILLER),
        )


def _join(stack: ExitStack, socket: Path, port: int, fro: tuple[str, ...] = (), to: tuple[str, ...] = ()) -> None:
    """Join a port on one side to the same port on the other, by a socket that both sides see."""
    ends = ((to, str(socket), str(port)), (fro, str(port), str(socket)))
    for place, *way in ends:
        process = subprocess.Popen([*place, sys.executable, "-m", "tests.relays", *way], cwd=REPOSITORY)
        stack.callback(process.wait)
        stack.callback(process.kill)
    until(socket.exists, 20)
