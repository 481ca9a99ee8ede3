"""Parts of descriptions."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci.settings.values import size_in_bytes
from ci.targets.stack import Stack
from ci.targets.swarm.names import Names

Spec = dict[str, Any]
NANO = 1_000_000_000
# The restrictions of the pipeline's own containers, which are not services.
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


def rotate_logs(stack: Stack) -> Spec:
    """Limit what a node keeps of the output of each of a service's containers."""
    logs = stack.environment.logs
    options = {"max-size": str(size_in_bytes(logs.max_size)), "max-file": str(logs.max_file)}
    return {"LogDriver": {"Name": "json-file", "Options": options}} if logs.max_file else {}


def drop_privileges(*capabilities: str) -> Spec:
    """Drop every privilege of a container's processes but some capabilities."""
    # Docker before 28 ignores NoNewPrivileges for services.
    stripped: Spec = {"CapabilityDrop": ["ALL"], "Privileges": {"NoNewPrivileges": True}}
    return stripped | ({"CapabilityAdd": list(capabilities)} if capabilities else {})


def mount_secret(secret: Reference, names: Names) -> Spec:
    """Mount a secret as a file, which every user in the container can read."""
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
