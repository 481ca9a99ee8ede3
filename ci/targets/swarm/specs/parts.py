"""What descriptions are made of."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci.targets.swarm.names import Names

Spec = dict[str, Any]
NANO = 1_000_000_000
# What a container of our own, which is no service, does without.
NO_PRIVILEGES: Spec = {"CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
SECRET_FOLDER = "/run/secrets"  # noqa: S105 - a folder


@dataclass(frozen=True)
class Reference:
    """A secret or a config as a service names it."""

    id: str
    name: str
    # The name of a secret's file, where it is not the object's own.
    file: str = ""


def digest_of(spec: Spec) -> str:
    """Return the sha256 of a description, in hex."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def with_labels(spec: Spec, **labels: str) -> Spec:
    """Return a description with some labels changed."""
    return spec | {"Labels": spec["Labels"] | labels}


def with_replicas(spec: Spec, replicas: int) -> Spec:
    """Return a description with another number of replicas."""
    return spec | {"Mode": {"Replicated": {"Replicas": replicas}}}


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


def service(names: Names, name: str, container: Spec, networks: Sequence[str], *, replicas: int = 1) -> Spec:
    """Describe a service of the stack."""
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


def drop_privileges(*capabilities: str) -> Spec:
    """Take from a container's processes all that they do not need, but for some capabilities."""
    # Daemons before 28 cannot keep a service's processes from new privileges, and ignore that they were asked to.
    stripped: Spec = {"CapabilityDrop": ["ALL"], "Privileges": {"NoNewPrivileges": True}}
    return stripped | ({"CapabilityAdd": list(capabilities)} if capabilities else {})


def mount_secret(secret: Reference, names: Names) -> Spec:
    """Mount a secret as a file, which whoever runs in the container can read."""
    return {
        "SecretID": secret.id,
        "SecretName": secret.name,
        "File": {"Name": secret.file or names.short(secret.name), "UID": "0", "GID": "0", "Mode": 0o444},
    }


def mount_config(config: Reference, path: str) -> Spec:
    """Mount a config as a file."""
    return {
        "ConfigID": config.id,
        "ConfigName": config.name,
        "File": {"Name": path, "UID": "0", "GID": "0", "Mode": 0o444},
    }


def mount_volume(names: Names, name: str, path: str) -> Spec:
    """Mount a volume of the stack."""
    labels = {"DriverConfig": {}, "Labels": dict(names.labels)}
    return {"Type": "volume", "Source": names.full(name), "Target": path, "VolumeOptions": labels}
