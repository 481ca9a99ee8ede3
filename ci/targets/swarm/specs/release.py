"""A release of the service."""

import hashlib
from collections.abc import Sequence

from ci.settings import Environment
from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.names import Names
from ci.targets.swarm.specs.parts import (
    NANO,
    SECRET_FOLDER,
    Reference,
    Spec,
    digest_of,
    drop_privileges,
    mount_secret,
    rotate_logs,
    service,
)


def release(stack: Stack, image: str, version: str, secrets: Sequence[Reference]) -> Spec:
    """Describe a release of the service: its name holds the image's digest, and a hash of the description."""
    names, environment = Names(stack), stack.environment
    networks = [names.network, *([names.data_network] if n.has_own_database(stack) else [])]
    container = {
        "Image": image,
        "Env": _environment(stack, version, {secret.file for secret in secrets}),
        "ReadOnly": True,
        "Mounts": [{"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 64 << 20, "Mode": 0o1777}}],  # noqa: S108 - inside the container
        "Secrets": [mount_secret(secret, names) for secret in secrets],
        "StopGracePeriod": int(environment.stop_grace * NANO),
        **drop_privileges(),
        "Healthcheck": _liveness(stack),
    }
    spec = service(names, "", container, networks, replicas=environment.replicas)
    spec["TaskTemplate"] |= {"Resources": _resources(environment), **rotate_logs(stack)}
    spec["Labels"] |= {
        n.IMAGE: image,
        n.VERSION: version,
        n.PORT: str(stack.app.port),
        n.HEALTH_PATH: stack.app.health_path,
        n.VERSION_PATH: stack.app.version_path,
    }
    return _with_name(names, spec, f"{n.RELEASE}{_short_digest(image)}-{digest_of(spec)[:6]}")


def _with_name(names: Names, spec: Spec, name: str) -> Spec:
    spec["Name"] = names.full(name)
    for attachment in spec["TaskTemplate"]["Networks"]:
        attachment["Aliases"] = [name]
    return spec


def _environment(stack: Stack, version: str, files: set[str]) -> list[str]:
    variables = {
        "APP_VERSION": version,
        "ENVIRONMENT": stack.name,
        "FEATURES": stack.environment.feature_list,
        "LOG_LEVEL": stack.environment.log_level,
        "PORT": str(stack.app.port),
    }
    if n.DATABASE_URL in files:
        variables |= {"DATABASE_URL_FILE": f"{SECRET_FOLDER}/{n.DATABASE_URL}", "MIGRATE_ON_START": "1"}
    return [f"{key}={value}" for key, value in sorted(variables.items())]


def _resources(environment: Environment) -> Spec:
    resources = environment.resources
    limits = {"NanoCPUs": int(resources.cpus * NANO), "MemoryBytes": resources.memory_bytes, "Pids": resources.pids}
    return {"Limits": limits, "Reservations": {"MemoryBytes": resources.reserved_bytes}}


def _liveness(stack: Stack) -> Spec:
    """Describe when Swarm replaces a replica: when its process ends, and by an image's own HEALTHCHECK never."""
    if not stack.app.liveness_command:
        return {"Test": ["NONE"]}
    return {
        "Test": ["CMD", *stack.app.liveness_command],
        # Slow and lenient: on a starved host every answer is late, and Swarm would replace all replicas at once.
        "Interval": 10 * NANO,
        "StartInterval": NANO,
        "Timeout": 30 * NANO,
        # Failures before the first success do not count for so long: migrations run first.
        "StartPeriod": int(stack.environment.health.timeout * NANO),
        "Retries": 6,
    }


def _short_digest(image: str) -> str:
    _, _, digest = image.partition("@sha256:")
    return digest[:12] or hashlib.sha256(image.encode()).hexdigest()[:12]
