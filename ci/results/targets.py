"""What functions that talk to a target return."""

from typing import Self

from ci.ledger.protocol import Admitted
from ci.targets.protocol import Deployed, Described, SecretsListed, SecretVersion
from ci.typed import field, object_type


@object_type
class Deployment:
    """What serves an environment after a deploy, a rollback or a restore."""

    environment: str = field()
    version: str = field()
    image: str = field()
    address: str = field()
    release: str = field()
    outcome: str = field()
    approvals: list[str] = field()
    stages: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, environment: str, admitted: Admitted, deployed: Deployed) -> Self:
        """Tell a deploy's story."""
        stages = [f"{stage.name}: {stage.message} ({stage.seconds:.1f} s)" for stage in deployed.stages]
        notes = [*admitted.warnings, *([f"approved by {', '.join(admitted.approvals)}"] if admitted.approvals else [])]
        lines = "\n".join(f"- {line}" for line in [*notes, *stages])
        return cls(
            environment=environment,
            version=admitted.version,
            image=admitted.image,
            address=deployed.address,
            release=deployed.release,
            outcome=deployed.status,
            approvals=list(admitted.approvals),
            stages=stages,
            summary=f"**{admitted.version} serves {environment}** at {deployed.address} ({deployed.status})\n\n{lines}",
        )


@object_type
class Verification:
    """The verdict on what serves an environment."""

    outcome: str = field()
    requests: int = field()
    summary: str = field()


@object_type
class EnvironmentStatus:
    """What an environment runs."""

    environment: str = field()
    address: str = field()
    healthy: bool = field()
    serving: str = field()
    version: str = field()
    since: str = field()
    releases: list[str] = field()
    services: list[str] = field()
    lock: str = field()
    summary: str = field()

    @classmethod
    def of(cls, environment: str, state: Described) -> Self:
        """Describe a target's state."""
        releases = [f"{r.name} {r.version} ({r.role}, {r.healthy} of {r.replicas} healthy)" for r in state.releases]
        services = [f"{name}: {count} running" for name, count in state.services.items()]
        notes = [
            *([f"switched by hand by {state.by_hand}"] if state.by_hand else []),
            *([f"locked by {state.lock}"] if state.lock else []),
            *([f"half done: {state.intent}"] if state.intent else []),
        ]
        lines = "\n".join(f"- {line}" for line in [*notes, *releases, *services])
        return cls(
            environment=environment,
            address=state.address,
            healthy=state.ok,
            serving=state.serving,
            version=state.now.version,
            since=state.since,
            releases=releases,
            services=services,
            lock=state.lock,
            summary=f"**{environment}**: {state.message}\n\n{lines}".strip(),
        )


@object_type
class Secrets:
    """The secrets of an environment: never a value."""

    environment: str = field()
    complete: bool = field()
    names: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, environment: str, listed: SecretsListed) -> Self:
        """Tell of each secret since when it has its value, and which releases read it."""
        lines = [f"- {line}" for secret in listed.secrets for line in _versions(secret.name, secret.versions)]
        return cls(
            environment=environment,
            complete=listed.ok,
            names=[secret.name for secret in listed.secrets],
            summary="\n".join([f"**{environment}**: {listed.message}", "", *lines]).strip(),
        )


def _versions(name: str, versions: tuple[SecretVersion, ...]) -> list[str]:
    if not versions:
        return [f"{name}: never set"]
    return [
        f"{name} {one.version}: since {one.since}, "
        + (f"read by {', '.join(one.releases)}" if one.releases else "unused")
        for one in versions
    ]
