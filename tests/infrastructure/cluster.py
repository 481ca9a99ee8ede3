"""Three managers on a lan, provisioned by the program, with a registry beside them."""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from ci.settings import Settings
from ci.targets import protocol as p
from tests.infrastructure.lan import Lan, Machine, run
from tests.infrastructure.registry import HOST, Registry

SETTINGS = """
[app]
name = "{name}"
dockerfile = "Dockerfile"
health_command = ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/healthz"]

[registry]
repository = "{registry}/{name}"

[environments.dev]
kind = "dev"
{target}
replicas = {replicas}
edge.port = {port}
verify = {{ window = 4, min_requests = 10 }}
health.timeout = 120
"""
SERVICE = Path(__file__).parent / "service"


@dataclass
class Cluster:
    """Machines, and the stack that is deployed to them through the first one."""

    lan: Lan
    registry: Registry
    machines: list[Machine]
    stack: p.Stack

    @property
    def base(self) -> dict[str, object]:
        """What every request says."""
        return {"stack": self.stack, "access": self.lan.access, "login": self.registry.login}

    def provision(self, **hosts: p.Host) -> p.AnyOutcome:
        """Prepare hosts; all of them as managers where none is named."""
        wanted = hosts or {machine.label: machine.described(place=machine.label) for machine in self.machines}
        return self.lan.ask(p.Provision.model_validate({**self.base, "hosts": wanted, "registry_ca": self.registry.ca}))

    def push(self, build: str) -> str:
        """Build the tests' service and push it through the target: its address by digest."""
        tag = f"{self.stack.app.name}:{build}"
        run("docker", "build", "--quiet", "--build-arg", f"BUILD={build}", "--tag", tag, str(SERVICE))
        archive = self.lan.folder / f"{build}.tar"
        run("docker", "save", "--output", str(archive), tag)
        run("docker", "image", "rm", tag)
        wanted = p.Push.model_validate(
            {**self.base, "tarball": str(archive), "repository": self.stack.registry.repository, "tag": build}
        )
        pushed = self.lan.ask(wanted)
        assert isinstance(pushed, p.Pushed), pushed
        return pushed.image

    def deploy(self, image: str, version: str) -> p.Deployed:
        """Deploy an image in one run of the program."""
        wanted = {**self.base, "image": image, "version": version, "holder": "author", "patience": 60}
        outcome = self.lan.ask(p.Deploy.model_validate(wanted))
        assert isinstance(outcome, p.Deployed), outcome
        return outcome

    def answer(self, machine: Machine) -> str:
        """Ask the service at one machine's edge, and return which build answered; else what went wrong."""
        url = f"http://{machine.address}:{self.stack.environment.edge.port}/"
        command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", url]
        return self.lan.try_at_laptop(*command).strip()

    def answers(self) -> dict[str, str]:
        """Ask at every machine's edge."""
        return {machine.label: self.answer(machine) for machine in self.machines}

    def over(self, machine: Machine) -> "Cluster":
        """Return the same cluster, reached through another of its machines."""
        return Cluster(self.lan, self.registry, self.machines, a_stack(self.lan.id, machine.described()))

    def knowing_its_hosts(self) -> "Cluster":
        """Return the same cluster, with settings that name all of its machines."""
        hosts = {machine.label: machine.described() for machine in self.machines}
        environment = self.stack.environment.model_copy(update={"hosts": hosts})
        return replace(self, stack=self.stack.model_copy(update={"environment": environment}))


def a_stack(
    name: str = "service", host: p.Host | None = None, registry: str = HOST, port: int = 8080, replicas: int = 3
) -> p.Stack:
    """Describe a stack whose target is a host, where one is named, or else this machine."""
    target = f'target.address = "{host.address}"\ntarget.known_hosts = """{host.known_hosts}"""' if host else ""
    text = SETTINGS.format(name=name, registry=registry, target=target, port=port, replicas=replicas)
    return p.Stack.of(Settings.parse(text), "dev")


def make(lan: Lan, registry: Registry, labels: tuple[str, ...]) -> Cluster:
    """Boot machines; nothing is prepared on them yet."""
    registry.join(lan)
    machines = [lan.boot(label) for label in labels]
    return Cluster(lan, registry, machines, a_stack(lan.id, machines[0].described()))


def bring_images(machine: Machine, *images: str) -> None:
    """Copy images from this machine's Docker to a host's, which reaches no registry on the internet."""
    saved = subprocess.run(["docker", "save", *images], capture_output=True, check=True)
    subprocess.run(machine.entered("docker", "load"), input=saved.stdout, capture_output=True, check=True)
