"""What functions that read the ledger return."""

from typing import Self

from ci.ledger import views
from ci.ledger.protocol import Viewed
from ci.targets.protocol import Described
from ci.typed import field, object_type


@object_type
class Packaged:
    """A version that is ready for an environment: checked, built, listed, pushed and recorded."""

    version: str = field()
    image: str = field()
    existing: bool = field()
    summary: str = field()

    @classmethod
    def of(cls, version: str, image: str, *, existing: bool) -> Self:
        """Name the version and its image."""
        what = "was built before from the same sources and stays" if existing else "is"
        return cls(version=version, image=image, existing=existing, summary=f"**{version}** {what} `{image}`")


@object_type
class LedgerLine:
    """One record of the ledger."""

    record: str = field()
    at: str = field()
    kind: str = field()
    by: str = field()
    signed: bool = field()
    environment: str = field()
    version: str = field()
    digest: str = field()
    text: str = field()

    @classmethod
    def of(cls, line: views.Line) -> Self:
        """Take a line over."""
        fields = line.model_dump(exclude={"id", "at"})
        return cls(record=line.id, at=f"{line.at:%Y-%m-%dT%H:%M:%SZ}", **fields)

    def __str__(self) -> str:
        """Write it as people read it."""
        return f"{self.at} {self.text}" + ("" if self.signed else " (unsigned)")


@object_type
class History:
    """What happened, the newest first, and what is wrong with the ledger."""

    lines: list[LedgerLine] = field()
    problems: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, viewed: Viewed) -> Self:
        """Take a history over."""
        lines = [LedgerLine.of(line) for line in viewed.history.lines] if viewed.history else []
        return cls(
            lines=lines,
            problems=list(viewed.problems),
            summary="\n".join([*_problems(viewed), *(f"- {line}" for line in lines)]) or "Nothing was recorded yet.",
        )


@object_type
class Release:
    """A release's whole story."""

    version: str = field()
    image: str = field()
    digest: str = field()
    built: str = field()
    by: str = field()
    author: str = field()
    commit: str = field()
    tests: int = field()
    sbom: str = field()
    provenance: str = field()
    serves: list[str] = field()
    words: list[LedgerLine] = field()
    runs: list[LedgerLine] = field()
    summary: str = field()

    @classmethod
    def of(cls, viewed: Viewed) -> Self:
        """Take a release's story over."""
        told = viewed.release
        if told is None:
            raise ValueError(viewed.message)
        return cls(
            version=told.version,
            image=told.image,
            digest=told.digest,
            built=f"{told.built:%Y-%m-%dT%H:%M:%SZ}",
            by=told.by,
            author=told.author,
            commit=told.commit,
            tests=told.tests,
            sbom=told.sbom,
            provenance=told.provenance,
            serves=list(told.serves),
            words=[LedgerLine.of(line) for line in told.words],
            runs=[LedgerLine.of(line) for line in told.runs],
            summary="\n".join([*_problems(viewed), told.markdown]),
        )


@object_type
class DeployReport:
    """An environment's latest deploy, also one that failed or has no end."""

    environment: str = field()
    version: str = field()
    digest: str = field()
    outcome: str = field()
    started: str = field()
    ended: str = field()
    by: str = field()
    summary: str = field()

    @classmethod
    def of(cls, environment: str, viewed: Viewed) -> Self:
        """Take a report over; one of an environment that nothing was deployed to is empty."""
        told = viewed.report
        return cls(
            environment=environment,
            version=told.version if told else "",
            digest=told.digest if told else "",
            outcome=told.outcome if told else "",
            started=f"{told.started:%Y-%m-%dT%H:%M:%SZ}" if told else "",
            ended=f"{told.ended:%Y-%m-%dT%H:%M:%SZ}" if told and told.ended else "",
            by=told.by if told else "",
            summary="\n".join([*_problems(viewed), told.markdown if told else viewed.message]),
        )


@object_type
class EnvironmentLine:
    """What one environment runs, by the ledger and by its target."""

    name: str = field()
    version: str = field()
    digest: str = field()
    since: str = field()
    by: str = field()
    outcome: str = field()
    running: str = field()
    healthy: bool = field()
    note: str = field()

    @classmethod
    def of(cls, serving: views.Serving, state: Described | str) -> Self:
        """Lay what the ledger says beside what the target says, which may be an error."""
        described = state if isinstance(state, Described) else None
        return cls(
            name=serving.environment,
            version=serving.version,
            digest=serving.digest,
            since=f"{serving.since:%Y-%m-%dT%H:%M:%SZ}" if serving.since else "",
            by=serving.by,
            outcome=serving.outcome,
            running=described.now.version if described else "",
            healthy=bool(described and described.ok),
            note=_note(serving, state),
        )

    def __str__(self) -> str:
        """Write it as a row of a table."""
        healthy = "" if not (self.version or self.running) else "yes" if self.healthy else "no"
        cells = [self.name, self.version or "nothing", self.since, self.by, healthy, self.note]
        return f"| {' | '.join(cells)} |"


@object_type
class Environments:
    """Which version runs where, since when, and how healthy."""

    lines: list[EnvironmentLine] = field()
    problems: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, viewed: Viewed, states: dict[str, Described | str]) -> Self:
        """Lay the ledger beside the targets."""
        servings = viewed.environments.environments if viewed.environments else ()
        lines = [EnvironmentLine.of(serving, states[serving.environment]) for serving in servings]
        table = [
            "| environment | version | since | by | healthy | note |",
            "|---|---|---|---|---|---|",
            *map(str, lines),
        ]
        return cls(lines=lines, problems=list(viewed.problems), summary="\n".join([*_problems(viewed), *table]))


def _note(serving: views.Serving, state: Described | str) -> str:
    if isinstance(state, str):
        return state
    if state.now.digest != serving.digest:
        return f"{state.now.version or 'nothing'} runs there: the next command on it records that"
    return "a deploy has no end yet" if serving.under_way else ""


def _problems(viewed: Viewed) -> list[str]:
    return [f"**{problem}**" for problem in viewed.problems]
