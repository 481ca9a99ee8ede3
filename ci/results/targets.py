"""Results of functions that change or read an environment."""

from collections.abc import Sequence
from typing import Self

from ci.agent.protocol import responses
from ci.decorators import field, object_type
from ci.delivery.request import DeliveryReport
from ci.escaping import for_markdown, one_line
from ci.targets.target import SecretVersion


@object_type
class Deployment:
    """The current release of an environment after a deploy, a rollback or a restore."""

    environment: str = field("The environment's name")
    version: str = field("The current version")
    digest: str = field("The image's digest, sha256:…")
    address: str = field("Where users reach the service")
    release: str = field("The release's name on the target")
    outcome: str = field("succeeded, unchanged or inconclusive")
    approvals: list[str] = field("Who approved")
    stages: list[str] = field("What each stage did, in order")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, report: DeliveryReport, warnings: Sequence[str] = ()) -> Self:
        """Convert a delivery's report; `warnings` are of what came before the delivery."""
        stages = [f"{stage.name}: {stage.message} ({stage.seconds:.1f} s)" for stage in report.stages]
        notes = [
            *warnings,
            *report.warnings,
            *([f"approved by {', '.join(report.approvals)}"] if report.approvals else []),
        ]
        lines = _list([*notes, *stages])
        served = for_markdown(f"{report.version} serves {report.environment}")
        headline = f"**{served}** at {for_markdown(report.address)} ({report.outcome})"
        return cls(
            environment=report.environment,
            version=report.version,
            digest=report.digest,
            address=report.address,
            release=report.release,
            outcome=report.outcome,
            approvals=list(report.approvals),
            stages=stages,
            summary=f"{headline}\n\n{lines}",
        )


@object_type
class Verification:
    """The verdict on an environment's current release."""

    verdict: str = field("pass, fail or inconclusive")
    requests: int = field("How many requests the verdict is based on")
    summary: str = field("The verdict and its reasons, in Markdown")


@object_type
class EnvironmentStatus:
    """What an environment runs."""

    environment: str = field("The environment's name")
    address: str = field("Where users reach the service")
    healthy: bool = field("Whether the edge and every replica of the current release are healthy")
    current: str = field("The current release's name on the target")
    version: str = field("The current release's version")
    since: str = field("When the release became current, ISO 8601 in UTC")
    releases: list[str] = field("Every release on the target, with its role and its healthy replicas")
    services: list[str] = field("The other services of the stack, with their running replicas")
    lock: str = field("Who holds the lock; empty: unlocked")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, environment: str, status: responses.Status) -> Self:
        """Convert a target's state."""
        state = status.state
        releases = [
            one_line(f"{r.release} {r.version} ({r.role}, {r.healthy} of {r.replicas} healthy)") for r in state.releases
        ]
        services = [one_line(f"{name}: {count} running") for name, count in state.services.items()]
        lock = str(state.lock.lock) if state.lock else ""
        notes = [
            *([f"switched by hand by {state.by_hand}"] if state.by_hand else []),
            *([f"locked by {lock}"] if lock else []),
            *([f"half done: {state.intent}"] if state.intent else []),
        ]
        return cls(
            environment=environment,
            address=state.address,
            healthy=state.is_healthy,
            current=state.current.release,
            version=state.current.version,
            since=state.since,
            releases=releases,
            services=services,
            lock=lock,
            summary=f"{_head(environment, status.message)}\n\n{_list([*notes, *releases, *services])}".strip(),
        )


@object_type
class SecretList:
    """The secrets of an environment, without their values."""

    environment: str = field("The environment's name")
    complete: bool = field("Whether every secret that the settings name is set")
    names: list[str] = field("The secrets' names")
    summary: str = field("Each secret, when each value was set, and the releases that read it, in Markdown")

    @classmethod
    def of(cls, environment: str, listed: responses.Secrets) -> Self:
        """Convert a list of secrets."""
        lines = [line for secret in listed.secrets for line in _versions(secret.name, secret.versions)]
        return cls(
            environment=environment,
            complete=listed.ok,
            names=[secret.name for secret in listed.secrets],
            summary=f"{_head(environment, listed.message)}\n\n{_list(lines)}".strip(),
        )


def _head(environment: str, message: str) -> str:
    return f"**{for_markdown(environment)}**: {for_markdown(message)}"


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {for_markdown(line)}" for line in lines)


def _versions(name: str, versions: tuple[SecretVersion, ...]) -> list[str]:
    if not versions:
        return [f"{name}: never set"]
    return [
        f"{name} {one.version}: since {one.since}, "
        + (f"read by {', '.join(one.releases)}" if one.releases else "unused")
        for one in versions
    ]
