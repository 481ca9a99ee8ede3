"""Three managers on a lan, provisioned by the program, with a registry beside them."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ci.agent.home import ARCHIVES, REGISTRY_PASSWORD, RULES, SSH_KEY, Rules
from ci.agent.protocol.requests import AnyRequest, Deliver, Provision, PushArchives, ReadStatus
from ci.agent.protocol.responses import Delivered, Done, Failed, Pushed, Refused, Response, Status
from ci.delivery.request import DeliveryReport
from ci.ledger.records import BuildDescription
from ci.settings import Host, Settings
from ci.targets.stack import Stack
from ci.targets.target import Check, TargetState
from tests.infrastructure.checks import CHECKS
from tests.infrastructure.lan import Lan, Machine, run
from tests.infrastructure.registry import HOST, URL, USER, Registry

SETTINGS = """
[app]
name = "{name}"
dockerfile = "Dockerfile"

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
T = TypeVar("T", bound=Response)


@dataclass
class Cluster:
    """Machines, and the environment that is deployed to them through the first one."""

    lan: Lan
    registry: Registry
    machines: list[Machine]
    settings: Settings
    # How the agent logs in to the registry.
    user: str = USER
    password: Path | None = None

    def __post_init__(self) -> None:
        """Log in as the registry's user."""
        self.password = self.password or self.registry.password

    @property
    def stack(self) -> Stack:
        """The environment's stack."""
        return Stack.of(self.settings, "dev")

    def home(self, **hosts: Host) -> Path:
        """Make a home for the agent."""
        rules = Rules(
            settings=with_hosts(self.settings, hosts) if hosts else self.settings,
            registry_ca=self.registry.ca,
            registry_url=URL,
            registry_user=self.user,
        )
        home = make_home(self.lan.folder, rules, self.lan.key, self.password)
        archives = self.lan.folder / ARCHIVES
        archives.mkdir(exist_ok=True)
        (home / ARCHIVES).symlink_to(archives)
        return home

    def send(self, expected: type[T], request: AnyRequest, **hosts: Host) -> T | Refused | Failed:
        """Run the agent at the laptop, and return the expected response, or bad news."""
        return self.lan.ask(self.home(**hosts), request, expected)

    def ask(self, expected: type[T], request: AnyRequest) -> T:
        """Run the agent at the laptop, and return the response, which is of the expected kind."""
        response = self.send(expected, request)
        assert isinstance(response, expected), response
        return response

    def check(self, image: str) -> dict[str, str]:
        """Run the preflight at the laptop; returns the details of the failed checks, or an `error`."""
        program = (sys.executable, "-m", "tests.infrastructure.checks", image)
        text = self.lan.try_at_laptop("env", f"SLIPWAY_HOME={self.home()}", *program)
        if not text.startswith("["):
            return {"error": text}
        checks: list[Check] = CHECKS.validate_json(text)
        return {check.name: check.detail for check in checks if not check.ok}

    def provision(self, **hosts: Host) -> Done | Refused | Failed:
        """Make hosts ready; all of them as managers where none is named."""
        wanted = hosts or {machine.label: machine.described(place=machine.label) for machine in self.machines}
        return self.send(Done, Provision(environment="dev"), **wanted)

    def push(self, build: str) -> str:
        """Build the tests' service and push it through the target: its address by digest."""
        tag = f"{self.stack.app.name}:{build}"
        run("docker", "build", "--quiet", "--build-arg", f"BUILD={build}", "--tag", tag, str(SERVICE))
        (self.lan.folder / ARCHIVES).mkdir(exist_ok=True)
        run("docker", "save", "--output", str(self.lan.folder / ARCHIVES / f"{build}.tar"), tag)
        run("docker", "image", "rm", tag)
        return self.ask(Pushed, push_request(build)).images[f"{build}.tar"]

    def deploy(self, image: str, version: str) -> DeliveryReport:
        """Deploy an image in one run of the agent."""
        build = BuildDescription(version=version, image=image, inputs=image)
        request = Deliver(environment="dev", version=version, build=build, patience=60)
        return self.ask(Delivered, request).delivery

    def state(self) -> TargetState:
        """Read what exists on the target."""
        return self.ask(Status, ReadStatus(environment="dev")).state

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
        return replace(self, settings=make_settings(self.lan.id, machine.described()))

    def knowing_its_hosts(self) -> "Cluster":
        """Return the same cluster, with settings that name all of its machines."""
        hosts = {machine.label: machine.described() for machine in self.machines}
        return replace(self, settings=with_hosts(self.settings, hosts))


def push_request(build: str) -> PushArchives:
    """Describe the push of a build's archive."""
    return PushArchives(environment="dev", tags={f"{build}.tar": build})


def make_home(folder: Path, rules: Rules, key: Path, password: Path | None = None) -> Path:
    """Make an agent's home with rules, an ssh key, and the registry's password where there is one."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
    (home / RULES).write_text(rules.model_dump_json())
    (home / SSH_KEY).symlink_to(key)
    if password:
        (home / REGISTRY_PASSWORD).symlink_to(password)
    return home


def make_settings(
    name: str = "service", host: Host | None = None, registry: str = HOST, port: int = 8080, replicas: int = 3
) -> Settings:
    """Describe an environment whose target is a host, where one is named, or else this machine."""
    target = f'target.address = "{host.address}"\ntarget.known_hosts = """{host.known_hosts}"""' if host else ""
    text = SETTINGS.format(name=name, registry=registry, target=target, port=port, replicas=replicas)
    return Settings.parse(text)


def with_hosts(settings: Settings, hosts: Mapping[str, Host]) -> Settings:
    """Return the settings with other hosts of the environment `dev`."""
    environment = settings.environment("dev").model_copy(update={"hosts": dict(hosts)})
    return settings.model_copy(update={"environments": {**settings.environments, "dev": environment}})


def make(lan: Lan, registry: Registry, labels: tuple[str, ...]) -> Cluster:
    """Boot machines; nothing is prepared on them yet."""
    registry.join(lan)
    machines = [lan.boot(label) for label in labels]
    return Cluster(lan, registry, machines, make_settings(lan.id, machines[0].described()))


def bring_images(machine: Machine, *images: str) -> None:
    """Copy images from this machine's Docker to a host's, which reaches no registry on the internet."""
    saved = subprocess.run(["docker", "save", *images], capture_output=True, check=True)
    subprocess.run(machine.entered("docker", "load"), input=saved.stdout, capture_output=True, check=True)
