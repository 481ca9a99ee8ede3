"""Machines that are namespaces of this one: a network of their own, each with a real sshd, and room for a dockerd."""

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from ci.agent.protocol.requests import AnyRequest
from ci.agent.protocol.responses import Failed, Refused, Response, read_response
from ci.settings import Host

T = TypeVar("T", bound=Response)

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# For documentation, and nobody's.
NETWORK = "198.51.100"
LAPTOP = f"{NETWORK}.254"
REGISTRY = f"{NETWORK}.250 registry.test"
SSHD_CONFIG = """
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
"""


def run(*command: str, given: str | None = None) -> str:
    """Run a command and return what it prints; where it fails the test does."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def until(what: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def sshd(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the Debian packages that an sshd needs and that this machine lacks."""
    cache = getattr(pytestconfig, "cache", None)
    folder = cache.mkdir("sshd") if cache else tmp_path_factory.mktemp("sshd")
    if not shutil.which("sshd") and not list(folder.glob("*.deb")):
        run("sh", "-ec", f"cd '{folder}'; apt-get -qq download openssh-server libwrap0")
    return folder


@dataclass
class Machine:
    """A host on the lan; `process` ends, and with it everything on the host, when the tests do."""

    name: str
    address: str
    folder: Path
    process: subprocess.Popen[bytes]
    # Its first process, by its id out here.
    init: str

    @property
    def label(self) -> str:
        """Its name among the machines of one lan."""
        return self.name.partition("-")[2]

    @property
    def link(self) -> str:
        """The end of its cable that is in the lan's switch."""
        return f"to-{self.label}"

    def entered(self, *command: str) -> list[str]:
        """Return the command that runs a command on the host."""
        return ["nsenter", "--target", self.init, "--mount", "--uts", "--net", "--pid", "--", *command]

    def run(self, *command: str) -> str:
        """Run a command on the host."""
        return run(*self.entered(*command))

    def described(self, role: str = "manager", **labels: str) -> Host:
        """Describe the host as the settings do."""
        key = (self.folder / "ssh/host_key.pub").read_text()
        return Host.model_validate(
            {
                "address": f"ssh://root@{self.address}",
                "known_hosts": f"{self.address} {key}",
                "role": role,
                "labels": labels,
            }
        )

    def end(self) -> None:
        """End everything that runs on the host, and remove what it left."""
        self.process.kill()
        self.process.wait()
        for group in Path("/sys/fs/cgroup").glob(f"*/{self.name}"):
            until(lambda group=group: _is_removed(group))  # type: ignore[misc]  # mypy knows no defaults of a lambda
        shutil.rmtree(self.folder)


class Lan:
    """A network that only its machines, and whoever works at the laptop in it, can reach."""

    def __init__(self, folder: Path, packages: Path) -> None:
        """Begin with the laptop alone; `packages` holds what this machine lacks of an sshd."""
        self.id = f"slt{uuid.uuid4().hex[:5]}"
        self.machines: dict[str, Machine] = {}
        self.folder, self._packages = folder, packages
        run("ip", "netns", "add", self.id)
        # In here, because bridged frames go through the packet filter of the bridge's own namespace.
        self.ip("link", "add", "lan", "type", "bridge")
        self.ip("addr", "add", f"{LAPTOP}/24", "dev", "lan")
        for link in ("lo", "lan"):
            self.ip("link", "set", link, "up")
        _make_key(folder / "key")
        self.key = folder / "key"

    def ip(self, *arguments: str) -> str:
        """Look at or change the network from the laptop's side."""
        return run("ip", "-n", self.id, *arguments)

    def at_laptop(self, *command: str, given: str | None = None) -> str:
        """Run a command at the laptop."""
        return run(*self._entered(*command), given=given)

    def try_at_laptop(self, *command: str) -> str:
        """Run a command at the laptop, and return what it says, also when it fails."""
        done = subprocess.run(self._entered(*command), capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def _entered(self, *command: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.id}", *command]

    def ask(self, home: Path, request: AnyRequest, expected: type[T]) -> T | Refused | Failed:
        """Run the agent at the laptop, with a home; returns the expected response, or bad news."""
        program = ("env", f"SLIPWAY_HOME={home}", sys.executable, "-m", "ci.agent", *request.arguments)
        return read_response(self.at_laptop(*program, given=request.model_dump_json()), expected)

    def plug(self, process: str, link: str, address: str) -> None:
        """Give the network namespace of a process an address on the lan."""
        self.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", process)
        self.ip("link", "set", link, "master", "lan", "up")
        for command in (("addr", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            run("nsenter", "--target", process, "--net", "ip", *command)

    def pull_plug(self, machine: Machine) -> None:
        """Cut a host off."""
        self.ip("link", "set", machine.link, "down")

    def put_plug(self, machine: Machine) -> None:
        """Connect a host again."""
        self.ip("link", "set", machine.link, "up")

    def boot(self, label: str, disk: str = "") -> Machine:
        """Start a host; `disk` is the size of Docker's own disk, as in 1500m, where it has one."""
        name, number = f"{self.id}-{label}", len(self.machines) + 1
        folder, address = self.folder / name, f"{NETWORK}.{number}"
        for part in ("root", "data", "ssh"):
            (folder / part).mkdir(parents=True)
        _make_key(folder / "ssh/host_key")
        shutil.copy(self.folder / "key.pub", folder / "ssh/authorized")
        (folder / "ssh/config").write_text(SSHD_CONFIG.format(folder=folder / "ssh"))
        process = _first_process(name, folder, self._packages, disk)
        until(lambda: _child(process) or process.poll() is not None, 10)
        machine = self.machines[name] = Machine(name, address, folder, process, _child(process))
        self.plug(machine.init, machine.link, address)
        until(lambda: "Server listening" in (folder / "log").read_text() or _failed(process, folder), 20)
        return machine

    def end(self) -> None:
        """End every host, and the network."""
        for machine in self.machines.values():
            machine.end()
        run("ip", "netns", "delete", self.id)


def _first_process(name: str, folder: Path, packages: Path, disk: str) -> subprocess.Popen[bytes]:
    # Both ends with the one before it, however that comes: this process, unshare, the host.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--uts", "--net", "--pid", "--fork"]
    script = ["--kill-child", "--", "bash", str(HERE / "host.sh"), name, str(folder), REGISTRY, str(packages), disk]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([*command, *script], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _child(process: subprocess.Popen[bytes]) -> str:
    found = subprocess.run(["pgrep", "--parent", str(process.pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _failed(process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    return False


def _make_key(path: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))


def _is_removed(group: Path) -> bool:
    try:
        for folder in sorted([group, *group.rglob("*/")], reverse=True):
            folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        # A process in it is still on its way out.
        return False
    return True
