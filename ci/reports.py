"""What functions return when they report: fields to chain and a summary in Markdown."""

from typing import Self
from xml.etree import ElementTree as ET

import dagger

from ci.targets.protocol import Deployed, Described
from ci.typed import field, object_type


@object_type
class TestReport:
    """The outcome of the unit tests."""

    __test__ = False  # for pytest: a class named Test… that is none

    tests: int = field()
    seconds: float = field()
    line_rate: float = field()
    junit: dagger.File = field()
    coverage: dagger.File = field()
    summary: str = field()

    @classmethod
    async def of(cls, reports: dagger.Directory) -> Self:
        """Read `junit.xml` and `coverage.xml`."""
        junit, coverage = reports.file("junit.xml"), reports.file("coverage.xml")
        suite = ET.fromstring(await junit.contents()).find("testsuite")  # noqa: S314 - our own step wrote it
        if suite is None:
            raise ValueError("junit.xml holds no test suite: did pytest run?")
        rate = float(ET.fromstring(await coverage.contents()).get("line-rate", "0"))  # noqa: S314 - the same
        tests, seconds = int(suite.get("tests", "0")), float(suite.get("time", "0"))
        summary = f"**{tests} tests passed** in {seconds:.1f} s, {rate:.0%} of the lines covered"
        return cls(tests=tests, seconds=seconds, line_rate=rate, junit=junit, coverage=coverage, summary=summary)


@object_type
class LintReport:
    """The linters that found nothing to complain about."""

    linters: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, linters: list[str]) -> Self:
        """Name the linters that ran."""
        return cls(linters=linters, summary=f"**Nothing found** by {', '.join(linters)}")


@object_type
class Deployment:
    """What serves an environment after a deploy."""

    environment: str = field()
    version: str = field()
    image: str = field()
    address: str = field()
    release: str = field()
    outcome: str = field()
    stages: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, environment: str, version: str, image: str, deployed: Deployed) -> Self:
        """Tell a deploy's story."""
        stages = [f"{stage.name}: {stage.message} ({stage.seconds:.1f} s)" for stage in deployed.stages]
        lines = "\n".join(f"- {stage}" for stage in stages)
        return cls(
            environment=environment,
            version=version,
            image=image,
            address=deployed.address,
            release=deployed.release,
            outcome=deployed.status,
            stages=stages,
            summary=f"**{version} serves {environment}** at {deployed.address} ({deployed.status})\n\n{lines}",
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
        lines = "\n".join(f"- {line}" for line in [*releases, *services])
        return cls(
            environment=environment,
            address=state.address,
            healthy=state.ok,
            serving=state.serving,
            since=state.since,
            releases=releases,
            services=services,
            lock=state.lock,
            summary=f"**{environment}**: {state.message}\n\n{lines}",
        )
