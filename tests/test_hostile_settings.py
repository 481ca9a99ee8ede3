"""Hostile settings: each is refused with sentences, or a Swarm takes all that is made of it."""

import asyncio
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci.settings import Settings, SettingsError
from ci.targets.access import DOCKER_SOCKET
from ci.targets.daemon import Daemon
from ci.targets.stack import Stack
from ci.targets.swarm import specs
from ci.targets.swarm.names import Names
from tests.machine import ensure_swarm

FILE = """
[app]
name = "shop"
module = "shop.main:app"

[registry]
repository = "localhost:5000/shop"

[environments.dev]
kind = "dev"
"""
DIGEST = f"sha256:{'5' * 64}"
OBJECT = re.compile(r"[a-zA-Z0-9](?:[-_.]*[A-Za-z0-9]+)*")
SERVICE = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
LONG = "a" * 30


@dataclass(frozen=True)
class Raw:
    """A value as it stands in the file."""

    text: str


DIGITS = Raw("9" * 5000)  # more than Python reads
# Of every type: nobody's value.
ODD = [
    float("inf"),
    float("nan"),
    -1,
    0,
    10**19,
    DIGITS,
    1e-12,
    "",
    "\n",
    "x\n",
    "\0",
    "x\0",
    "-x",
    "é",
    "٣",
    [],
    {},
    True,
]
HOSTILE: Mapping[str, list[Any]] = {
    "app.name": ["shop\n", LONG, f"{LONG}a", "a-", "a--b", "Shop"],
    "app.path": ["./-C", "./x\n", "a/../..", "-C", "\x1b[2J", "a" * 5000],
    "app.module": ["shop\n", "-c", "shop main", "shop..x", "orders.main:app", "ünï"],
    "app.dockerfile": ["Dockerfile\n", "--target"],
    "app.port": [80, 65536, 2019],
    "app.health_path": ["/x\n", "/" + "a" * 5000, "/%0a", "/?a=b"],
    "app.version_path": ["/v\n"],
    "app.base_image": ["python\n", "a:b:c", "A/b", "a" * 300, f"x@{DIGEST}", "a//b", "-x", "x:", "x:tag\n", "x:٣"],
    "app.tests.unit": ["t\n", "-p", "../t"],
    "registry.repository": [
        "localhost:5000/shop\n",
        "localhost:99999/shop",
        "localhost:5000/a..b",
        "localhost:5000/-a",
        "team/shop",
        f"localhost:5000/{'a' * 300}",
        "-host:1/a",
        "registry.example.org/a/b__c",
        "localhost:٣/shop",
    ],
    "environments.dev.edge.port": [2019, 2377, 7946, 5000, 8081],
    "environments.dev.edge.address": [
        "x",
        "http://",
        "http://[::1",
        "http://a:b",
        "http://a\n",
        "ftp://a",
        "http://a/ü",
    ],
    "environments.dev.replicas": [1, 1001],
    "environments.dev.resources.cpus": [1e-12, 0.001, 0.01, 1e300],
    "environments.dev.resources.memory": [
        "0B",
        "1B",
        "5MiB",
        "6MiB",
        "999999999999999GiB",
        f"{DIGITS.text}B",
        "6MiB\n",
        "٣MiB",
    ],
    "environments.dev.resources.memory_reservation": ["0B", "1B", "6MiB", "300MiB", "256MiB"],
    "environments.dev.resources.pids": [15, 16, 10**10],
    "environments.dev.logs.max_size": ["1B", "64KiB", "0B", "10m", "10MiB\n"],
    "environments.dev.logs.max_file": [0, 1, 101],
    "environments.dev.update.delay": [1e300, 1e17],
    "environments.dev.update.parallelism": [10**6],
    "environments.dev.health.timeout": [1e17, 5],
    "environments.dev.health.interval": [1e17, 0.5],
    "environments.dev.verify.window": [1e17],
    "environments.dev.verify.max_p95_ms": [1e-300],
    "environments.dev.stop_grace": [1e10, 1e17],
    "environments.dev.keep_previous": [1e17, 1e300],
    "environments.dev.features": [["a,b"], ["a\n"], [""], ["\0"], ["a" * 65], ["search", "v2.1"]],
    "environments.dev.secrets": [["key\n"], ["k" * 32], ["database-password"], ["database-url"], ["a" * 33]],
    "environments.dev.notify": [["http://["], ["https://x:99999/"], ["https://x/\0"], ["https://x/y"]],
    "environments.dev.freezes": [
        [{"reason": "x", "cron": "* * * * *", "hours": float("inf")}],
        [{"reason": "x", "from": "0001-01-01T00:00:00+14:00", "until": "2026-01-01"}],
        [{"reason": "x", "from": "2026-01-01T00:00:00Z", "until": "9999-12-31T23:59:59-14:00"}],
    ],
    "environments.dev.approvals.valid_for": [1e300],
    "environments.dev.target.address": [
        "unix\n",
        "ssh://me@host\n",
        "ssh://me@host:99999",
        "ssh://-x@host",
        "ssh://me@-o",
    ],
    "environments": [{name: {"kind": "dev"}} for name in ("dev\n", LONG, f"{LONG}a", "b" * 20, "x-", "", "é", "A")],
    "people": [{name: {}} for name in ("lead\n", "a" * 65, "", "é")],
    "github.api": ["https://[", "https://", "https://x\n", "http://x"],
    "github.repository": ["a/b\n", "a/b/c"],
    "github.branch": ["main\n", "-x", "b" * 300],
}
changes = st.dictionaries(st.sampled_from(sorted(HOSTILE)), st.integers(0, 10**6), min_size=1, max_size=4).map(
    lambda chosen: {path: (values := HOSTILE[path] + ODD)[index % len(values)] for path, index in chosen.items()}
)


def toml(value: Any) -> str:
    """Return a value in TOML."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case Raw():
            return value.text
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(toml, value))}]"
    return f"{{{', '.join(f'{json.dumps(key)} = {toml(item)}' for key, item in value.items())}}}"


def parse(changed: Mapping[str, Any]) -> Settings | None:
    """Return the settings; none where they are refused, with sentences that each name the place."""
    try:
        return Settings.parse(FILE, [f"{path}={toml(value)}" for path, value in changed.items()])
    except SettingsError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert re.match(r"(override|pipeline\.toml): ", problem), problem
    return None


def descriptions(stack: Stack) -> Iterator[dict[str, Any]]:
    """Make the services of a stack, as a deploy describes them."""
    names = Names(stack)
    image = f"{stack.registry.repository}@{DIGEST}"
    references = [specs.Reference("id", names.full(f"{name}.9999"), name) for name in stack.environment.secrets]
    yield specs.release(stack, image, "1.0", references)
    start = specs.Reference("id", names.full(f"{specs.EDGE_START}-{'0' * 8}"))
    yield specs.edge_service(stack, image, start, {})
    yield specs.database(stack, image, specs.Reference("id", names.full("database-password")))


def names_of(spec: Mapping[str, Any]) -> Iterator[str]:
    container = spec["TaskTemplate"]["ContainerSpec"]
    yield from (secret["SecretName"] for secret in container.get("Secrets", []))
    yield from (config["ConfigName"] for config in container.get("Configs", []))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def assert_docker_takes(spec: Mapping[str, Any]) -> None:
    assert SERVICE.fullmatch(spec["Name"]), spec["Name"]
    assert len(spec["Name"]) <= 63, spec["Name"]
    for name in names_of(spec):
        assert OBJECT.fullmatch(name), name
        assert len(name) <= 64, name
    for leaf in leaves(spec):
        assert not (isinstance(leaf, str) and "\0" in leaf), leaf
        assert not (isinstance(leaf, float) and not math.isfinite(leaf)), leaf
        assert not isinstance(leaf, int) or abs(leaf) < 2**63, leaf
    for limits in spec["TaskTemplate"].get("Resources", {}).values():
        assert limits.get("NanoCPUs", 10**7) >= 10**7
        assert limits["MemoryBytes"] == 0 or limits["MemoryBytes"] >= 6 << 20
    for port in spec["EndpointSpec"].get("Ports", []):
        assert port["PublishedPort"] not in {2019, 2377, 7946}


@given(changes)
@settings(max_examples=400, deadline=None)
def test_hostile_settings_are_refused_or_make_what_docker_takes(changed: Mapping[str, Any]) -> None:
    if found := parse(changed):
        for name in found.environments:
            for spec in descriptions(Stack.of(found, name)):
                assert_docker_takes(spec)


@pytest.mark.parametrize("path", sorted(HOSTILE))
def test_every_hostile_value_alone_is_refused_or_makes_what_docker_takes(path: str) -> None:
    for value in HOSTILE[path] + ODD:
        if found := parse({path: value}):
            for name in found.environments:
                for spec in descriptions(Stack.of(found, name)):
                    assert_docker_takes(spec)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ('app.name="shop\\n"', "must be at most 30 lower-case letters"),
        ("environments.dev.resources.cpus=inf", "must be a finite number (is inf)"),
        ("environments.dev.resources.cpus=nan", "must be a finite number (is nan)"),
        ("environments.dev.keep_previous=inf", "must be a finite number (is inf)"),
        ("environments.dev.resources.cpus=1e-12", "must be at least 0.01 (is 1e-12)"),
        ("environments.dev.resources.memory=0B", "must be at least 6MiB, Docker's least"),
        (
            "environments.dev.resources.memory_reservation=1GiB",
            "memory_reservation must be at most the limit, memory (is 1GiB)",
        ),
        ("environments.dev.edge.port=2019", "must be another port: the edge's own administration has this one"),
        ("environments.dev.edge.port=2377", "must be another port: Docker Swarm has this one (is 2377)"),
        ("environments.dev.edge.port=5000", "must differ from the port of the registry"),
        (f"environments.dev.edge.port={DIGITS.text}", "override: environments.dev.edge.port: must be"),
        ("environments.dev.features=['a,b']", "must be at most 64 letters, digits"),
        ("environments.dev.secrets=['database-password']", "must not name database-password: it is the stack's own"),
        ("registry.repository=team/shop", "must be a registry and a repository without a tag"),
    ],
)
def test_hostile_value_is_refused_with_its_reason(override: str, expected: str) -> None:
    assert expected in refusal(override)


def test_name_of_stack_that_is_too_long_for_swarm_is_refused() -> None:
    environments = f"environments={{{'b' * 20} = {{kind = 'dev', edge.port = 1}}}}"
    assert f"environments.{'b' * 20}: must be shorter" in refusal(f"app.name={'a' * 19}", environments)
    assert "Swarm's names leave room for 39 characters (has 40)" in refusal(f"app.name={'a' * 19}", environments)
    Settings.parse(FILE, [f"app.name={'a' * 18}", environments])


def test_name_of_secret_that_is_too_long_for_swarm_is_refused() -> None:
    found = refusal(f"app.name={'a' * 30}", f"environments.dev.secrets=['{'k' * 32}']")
    assert f"must be a shorter name: Swarm's names leave room for 24 characters in the stack {'a' * 30}-dev" in found


def refusal(*overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(FILE, overrides)
    return str(caught.value)


def test_brackets_by_the_thousand_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"pipeline\.toml: "):
        Settings.parse(f"{FILE}\nx = {'[' * 100_000}")
    with pytest.raises(SettingsError, match=r"pipeline\.toml: "):
        Settings.parse(f"{FILE}\nx = {'9' * 10_000}")


@pytest.mark.full
def test_swarm_takes_the_services_of_accepted_settings() -> None:
    """The rules above are Docker's: each service is created where no node can run it, and removed."""
    ensure_swarm()

    async def offer(spec: dict[str, Any]) -> None:
        template = spec["TaskTemplate"] | {"Placement": {"Constraints": ["node.id==nowhere"]}, "Networks": []}
        # Their objects do not exist; the names' rules are the same.
        template["ContainerSpec"] = template["ContainerSpec"] | {"Secrets": [], "Configs": []}
        async with Daemon.connect(DOCKER_SOCKET, DOCKER_SOCKET) as daemon:
            created = await daemon.send("POST", "/services/create", json=spec | {"TaskTemplate": template})
            await daemon.delete(f"/services/{created.json()['ID']}")

    @given(changes)
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(changed: Mapping[str, Any]) -> None:
        if found := parse(changed):
            for name in found.environments:
                for spec in descriptions(Stack.of(found, name)):
                    asyncio.run(offer(spec))

    check()
