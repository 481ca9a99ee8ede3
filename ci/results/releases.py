"""Results of functions that read the ledger."""

from typing import Self

from ci.agent.protocol.responses import EnvironmentsStatus, LedgerView
from ci.decorators import field, object_type
from ci.escaping import code_span, for_markdown
from ci.ledger import views
from ci.targets.target import TargetState


@object_type
class Packaged:
    """A version that is ready for an environment: checked, built, pushed and recorded, with its SBOM."""

    version: str = field("The version")
    image: str = field("Its image by digest")
    existing: bool = field("Whether an earlier run built it from the same sources")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, version: str, image: str, *, existing: bool) -> Self:
        """Build the result from the version and its image."""
        what = "was built before from the same sources and stays" if existing else "is"
        return cls(
            version=version,
            image=image,
            existing=existing,
            summary=f"**{for_markdown(version)}** {what} {code_span(image)}",
        )


@object_type
class LedgerLine:
    """One record of the ledger."""

    record: str = field("The record's ID")
    at: str = field("When, ISO 8601 in UTC")
    kind: str = field("The kind of record")
    by: str = field("Who wrote the record")
    signed: bool = field("Whether a valid signature covers the record")
    environment: str = field("The environment; empty: none")
    version: str = field("The version")
    digest: str = field("The image's digest")
    text: str = field("The record on one line")

    @classmethod
    def of(cls, line: views.HistoryLine) -> Self:
        """Convert a line of the ledger's view."""
        fields = line.model_dump(exclude={"id", "at", "actor"})
        return cls(record=line.id, at=f"{line.at:%Y-%m-%dT%H:%M:%SZ}", by=line.actor, **fields)

    def __str__(self) -> str:
        """Render the record on one line."""
        return f"{self.at} {self.text}" + ("" if self.signed else " (unsigned)")


@object_type
class History:
    """The ledger's records, the newest first, and its problems."""

    lines: list[LedgerLine] = field("The records, the newest first")
    problems: list[str] = field("The ledger's problems")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, viewed: LedgerView) -> Self:
        """Convert the agent's view."""
        lines = [LedgerLine.of(line) for line in viewed.history.lines] if viewed.history else []
        return cls(
            lines=lines,
            problems=list(viewed.problems),
            summary="\n".join([*_problems(viewed), *(f"- {for_markdown(str(line))}" for line in lines)])
            or "The ledger holds no record.",
        )


@object_type
class Release:
    """A version: its build, the statements about it, and its deliveries."""

    version: str = field("The version")
    image: str = field("Its image by digest")
    digest: str = field("The image's digest")
    built: str = field("When it was built, ISO 8601 in UTC")
    by: str = field("Who built it")
    author: str = field("Who wrote the commit")
    commit: str = field("The commit")
    tests: int = field("How many tests passed")
    sbom: str = field("The sha256 of its SBOM")
    provenance: str = field("Its provenance, an in-toto Statement as JSON")
    serves: list[str] = field("The environments where it serves")
    statements: list[LedgerLine] = field("Approvals, denials and lifts")
    runs: list[LedgerLine] = field("Its deliveries")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, viewed: LedgerView) -> Self:
        """Convert the agent's view."""
        release = viewed.release
        if release is None:
            raise ValueError(viewed.message)
        return cls(
            version=release.version,
            image=release.image,
            digest=release.digest,
            built=f"{release.built:%Y-%m-%dT%H:%M:%SZ}",
            by=release.actor,
            author=release.author,
            commit=release.commit,
            tests=release.tests,
            sbom=release.sbom,
            provenance=release.provenance,
            serves=list(release.serves),
            statements=[LedgerLine.of(line) for line in release.statements],
            runs=[LedgerLine.of(line) for line in release.deliveries],
            summary="\n".join([*_problems(viewed), release.markdown]),
        )


@object_type
class DeployReport:
    """An environment's latest delivery, also one that failed or has no end."""

    environment: str = field("The environment's name")
    version: str = field("The version")
    digest: str = field("The image's digest")
    outcome: str = field("How the delivery ended")
    started: str = field("When it started, ISO 8601 in UTC")
    ended: str = field("When it ended; empty: it has no end")
    by: str = field("The actor")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, environment: str, viewed: LedgerView) -> Self:
        """Convert the agent's view; the report is empty where nothing was deployed yet."""
        release = viewed.report
        return cls(
            environment=environment,
            version=release.version if release else "",
            digest=release.digest if release else "",
            outcome=release.outcome if release else "",
            started=f"{release.started:%Y-%m-%dT%H:%M:%SZ}" if release else "",
            ended=f"{release.ended:%Y-%m-%dT%H:%M:%SZ}" if release and release.ended else "",
            by=release.actor if release else "",
            summary="\n".join([*_problems(viewed), release.markdown if release else viewed.message]),
        )


@object_type
class EnvironmentLine:
    """What one environment runs, according to the ledger and to its target."""

    name: str = field("The environment's name")
    version: str = field("The current version in the ledger")
    digest: str = field("Its image's digest")
    since: str = field("Since when, ISO 8601 in UTC")
    by: str = field("The actor")
    outcome: str = field("How the delivery ended")
    running: str = field("The current version on the target")
    healthy: bool = field("Whether every replica is healthy")
    note: str = field("How ledger and target differ, or why the target does not answer")

    @classmethod
    def of(cls, serving: views.EnvironmentView, state: TargetState | str) -> Self:
        """Combine the ledger's view with the target's state, or with the target's error."""
        state_read = state if isinstance(state, TargetState) else None
        return cls(
            name=serving.environment,
            version=serving.version,
            digest=serving.digest,
            since=f"{serving.since:%Y-%m-%dT%H:%M:%SZ}" if serving.since else "",
            by=serving.actor,
            outcome=serving.outcome,
            running=state_read.current.version if state_read else "",
            healthy=bool(state_read and state_read.is_healthy),
            note=_note(serving, state),
        )

    def __str__(self) -> str:
        """Render a row of a table in Markdown."""
        healthy = "" if not (self.version or self.running) else "yes" if self.healthy else "no"
        cells = [self.name, self.version or "nothing", self.since, self.by, healthy, self.note]
        return f"| {' | '.join(map(for_markdown, cells))} |"


@object_type
class Environments:
    """The version that each environment runs, since when, and how healthy it is."""

    lines: list[EnvironmentLine] = field("One line for each environment, in the order of promotion")
    problems: list[str] = field("The ledger's problems")
    summary: str = field("The same as a table in Markdown")

    @classmethod
    def of(cls, status: EnvironmentsStatus) -> Self:
        """Compare the ledger with the targets."""
        lines = [EnvironmentLine.of(one, status.states[one.environment]) for one in status.view.environments]
        table = [
            "| environment | version | since | by | healthy | note |",
            "|---|---|---|---|---|---|",
            *map(str, lines),
        ]
        return cls(lines=lines, problems=list(status.problems), summary="\n".join([*_problems(status), *table]))


def _note(serving: views.EnvironmentView, state: TargetState | str) -> str:
    if isinstance(state, str):
        return state
    if state.current.digest != serving.digest:
        return f"{state.current.version or 'nothing'} runs there: the next delivery records that"
    return "a delivery has no end yet" if serving.open_deliveries else ""


def _problems(viewed: LedgerView | EnvironmentsStatus) -> list[str]:
    return [f"**{for_markdown(problem)}**" for problem in viewed.problems]
