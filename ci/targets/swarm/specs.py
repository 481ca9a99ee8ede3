"""What is wanted, as the Docker API takes it: plain values, nothing executed.

https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Service/operation/ServiceCreate
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ci import edge
from ci.settings import Environment
from ci.targets.protocol import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names

Spec = dict[str, Any]
NANO = 1_000_000_000
SECRET_FOLDER = "/run/secrets"  # noqa: S105 - a folder
DATABASE_URL = "database-url"
DATABASE_PASSWORD = "database-password"  # noqa: S105 - the name of the secret
EDGE_START = "edge-start"
DATABASE_USER = "service"


@dataclass(frozen=True)
class Reference:
    """A secret or a config as a service names it."""

    id: str
    name: str


def network(names: Names, name: str, *, internal: bool) -> Spec:
    """Describe an overlay network."""
    return {
        "Name": name,
        "Driver": "overlay",
        "Scope": "swarm",
        "CheckDuplicate": True,
        "Attachable": True,
        "Internal": internal,
        "Labels": dict(names.labels),
    }


def release(stack: Stack, image: str, version: str, secrets: Sequence[Reference]) -> Spec:
    """Describe a release of the service: its name says of which image it is, and what else makes it what it is."""
    names, environment = Names(stack), stack.environment
    networks = [names.network, *([names.data_network] if secrets else [])]
    container = {
        "Image": image,
        "Env": _environment(stack, version, secrets),
        "ReadOnly": True,
        "Mounts": [{"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 64 << 20, "Mode": 0o1777}}],  # noqa: S108 - inside the container
        "Secrets": [_mounted(secret, names) for secret in secrets],
        "StopGracePeriod": int(environment.stop_grace * NANO),
        **_hardened(),
        "Healthcheck": _health(stack),
    }
    spec = _service(names, "", container, networks, replicas=environment.replicas)
    spec["TaskTemplate"]["Resources"] = _resources(environment)
    spec["Labels"] |= {n.IMAGE: image, n.VERSION: version}
    return _named(names, spec, f"{n.RELEASE}{_short_digest(image)}-{wanted(spec)[:6]}")


def edge_service(stack: Stack, image: str, start: Reference, sysctls: Mapping[str, str]) -> Spec:
    """Describe the edge: it begins with its last configuration, or with one that lets nothing serve."""
    names, port = Names(stack), stack.environment.edge.port
    container = {
        "Image": image,
        "Command": ["caddy", "run", "--resume", "--config", "/etc/caddy/start.json"],
        "Configs": [_file(start, "/etc/caddy/start.json")],
        "Mounts": [_volume(names, "edge-config", "/config"), _volume(names, "edge-data", "/data")],
        "StopGracePeriod": 30 * NANO,
        "Sysctls": dict(sysctls),
        # Caddy's file carries this capability, so that a container without it could not even start it.
        **_hardened("CAP_NET_BIND_SERVICE"),
    }
    spec = _service(names, n.EDGE, container, [names.network])
    spec["EndpointSpec"]["Ports"] = [
        {"Protocol": "tcp", "TargetPort": port, "PublishedPort": port, "PublishMode": "host"}
    ]
    # A port of the host cannot be taken twice: the old one has to go first.
    spec["UpdateConfig"] = {"Parallelism": 1, "Order": "stop-first"}
    spec["Labels"][n.WANTED] = wanted(spec)
    return spec


def edge_sysctls(kernel: str) -> dict[str, str]:
    """Return what the edge needs of a kernel such as `6.1.0-28-amd64`.

    At a reload Caddy opens its port anew and closes the old socket. Connections that wait there to be accepted would be
    reset, unless the kernel hands them to the new one, which Linux can since 5.14.
    """
    version = tuple(int(part) for part in re.findall(r"\d+", kernel)[:2])
    return {"net.ipv4.tcp_migrate_req": "1"} if version >= (5, 14) else {}


def edge_start(stack: Stack) -> str:
    """Return the configuration that an edge without a memory begins with."""
    return edge.nobody(stack.environment.edge.port)


def database(stack: Stack, image: str, password: Reference) -> Spec:
    """Describe the stack's own PostgreSQL: one node, one volume."""
    names = Names(stack)
    container = {
        "Image": image,
        "Env": [
            f"POSTGRES_USER={DATABASE_USER}",
            f"POSTGRES_DB={DATABASE_USER}",
            f"POSTGRES_PASSWORD_FILE={SECRET_FOLDER}/{DATABASE_PASSWORD}",
            # A folder inside the volume, which may hold things of its own.
            "PGDATA=/var/lib/postgresql/data/pgdata",
        ],
        "Secrets": [_mounted(password, names)],
        "Mounts": [_volume(names, "database", "/var/lib/postgresql/data")],
        "StopGracePeriod": 60 * NANO,
        "Healthcheck": {
            "Test": ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", DATABASE_USER],
            "Interval": NANO,
            "Timeout": 3 * NANO,
            "Retries": 30,
        },
    }
    spec = _service(names, n.DATABASE, container, [names.data_network])
    spec["UpdateConfig"] = {"Parallelism": 1, "Order": "stop-first"}
    spec["Labels"][n.WANTED] = wanted(spec)
    return spec


def database_url(password: str) -> str:
    """Return what the service is told about its database."""
    return f"postgresql://{DATABASE_USER}:{password}@{n.host(n.DATABASE)}:5432/{DATABASE_USER}"


def outpost(stack: Stack, image: str, seconds: int) -> Spec:
    """Describe the container that speaks for this program on the stack's network; it ends by itself."""
    names = Names(stack)
    return {
        "Image": image,
        "Entrypoint": ["sleep", str(seconds)],
        "Labels": {"slipway.outpost": names.namespace},
        "HostConfig": {"NetworkMode": names.network, "AutoRemove": True, "Init": True, "CapDrop": ["ALL"]},
    }


def wanted(spec: Spec) -> str:
    """Return a digest of a description."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def with_labels(spec: Spec, **labels: str) -> Spec:
    """Return a description with some labels changed."""
    return spec | {"Labels": spec["Labels"] | labels}


def with_replicas(spec: Spec, replicas: int) -> Spec:
    """Return a description with another number of replicas."""
    return spec | {"Mode": {"Replicated": {"Replicas": replicas}}}


def _service(names: Names, name: str, container: Spec, networks: Sequence[str], *, replicas: int = 1) -> Spec:
    return {
        "Name": names.full(name),
        "Labels": dict(names.labels),
        "TaskTemplate": {
            "ContainerSpec": {**container, "Labels": dict(names.labels), "Init": True},
            "Networks": [{"Target": target, "Aliases": [name]} for target in networks],
            "RestartPolicy": {"Condition": "any", "Delay": NANO},
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        # Virtual IPs need a kernel with IPVS.
        "EndpointSpec": {"Mode": "dnsrr"},
    }


def _named(names: Names, spec: Spec, name: str) -> Spec:
    spec["Name"] = names.full(name)
    for attachment in spec["TaskTemplate"]["Networks"]:
        attachment["Aliases"] = [name]
    return spec


def _environment(stack: Stack, version: str, secrets: Sequence[Reference]) -> list[str]:
    variables = {
        "APP_VERSION": version,
        "ENVIRONMENT": stack.name,
        "FEATURES": stack.environment.feature_list,
        "LOG_LEVEL": stack.environment.log_level,
        "PORT": str(stack.app.port),
    }
    if secrets:
        variables |= {"DATABASE_URL_FILE": f"{SECRET_FOLDER}/{DATABASE_URL}", "MIGRATE_ON_START": "1"}
    return [f"{key}={value}" for key, value in sorted(variables.items())]


def _resources(environment: Environment) -> Spec:
    resources = environment.resources
    limits = {"NanoCPUs": int(resources.cpus * NANO), "MemoryBytes": resources.memory_bytes, "Pids": resources.pids}
    return {"Limits": limits, "Reservations": {"MemoryBytes": resources.reserved_bytes}}


def _health(stack: Stack) -> Spec:
    interval = int(stack.environment.health.interval * NANO)
    return {
        "Test": ["CMD", *stack.app.probe],
        "Interval": interval,
        "StartInterval": min(interval, NANO),
        "Timeout": 3 * NANO,
        # Failures before the first success do not count for so long: migrations run first.
        "StartPeriod": int(stack.environment.health.timeout * NANO),
        "Retries": 3,
    }


def _hardened(*capabilities: str) -> Spec:
    # Daemons before 28 cannot keep a service's processes from new privileges, and ignore that they were asked to.
    hardened: Spec = {"CapabilityDrop": ["ALL"], "Privileges": {"NoNewPrivileges": True}}
    return hardened | ({"CapabilityAdd": list(capabilities)} if capabilities else {})


def _mounted(secret: Reference, names: Names) -> Spec:
    return {
        "SecretID": secret.id,
        "SecretName": secret.name,
        "File": {"Name": names.short(secret.name), "UID": "0", "GID": "0", "Mode": 0o444},
    }


def _file(config: Reference, path: str) -> Spec:
    return {
        "ConfigID": config.id,
        "ConfigName": config.name,
        "File": {"Name": path, "UID": "0", "GID": "0", "Mode": 0o444},
    }


def _volume(names: Names, name: str, path: str) -> Spec:
    labels = {"DriverConfig": {}, "Labels": dict(names.labels)}
    return {"Type": "volume", "Source": names.full(name), "Target": path, "VolumeOptions": labels}


def _short_digest(image: str) -> str:
    _, _, digest = image.partition("@sha256:")
    return digest[:12] or hashlib.sha256(image.encode()).hexdigest()[:12]
