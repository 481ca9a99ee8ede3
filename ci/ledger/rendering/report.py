"""The report of an environment's latest deploy, in Markdown: also of one that failed, or was killed and has no end."""

from collections.abc import Iterator

from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History, Result
from ci.ledger.records import Approval, Build, Deploy, Recovery, Start
from ci.ledger.rendering.lines import DOING, short, signed
from ci.ledger.views import Report

HEADLINES = {
    "success": "{version} serves {environment}",
    "inconclusive": "{version} serves {environment}, but too few requests came for a verdict",
    "failed": "{version} failed in {environment}",
    "refused": "{version} was refused in {environment}",
    "undone": "{version} was interrupted in {environment}, and undone",
    "finished": "{version} was interrupted in {environment}, and finished by the next command",
    "observed": "{version} was interrupted in {environment}, and its target was looked at",
    "interrupted": "{version} was started in {environment} and has no end: it is under way, or was killed",
}


def report(history: History, environment: str) -> Report:
    """Tell of the latest deploy.

    Raises:
        RefusedError: Nothing was ever deployed there.
    """
    starts = history.of(Start, environment=environment)
    if not starts:
        raise RefusedError(f"{environment}: nothing was ever deployed there: see deploy --env {environment}")
    start = starts[-1]
    end = _end(history, start)
    outcome = end.record.outcome if end else "interrupted"
    return Report(
        environment=environment,
        version=start.record.version,
        digest=start.record.digest,
        outcome=outcome,
        started=start.record.at,
        ended=end.record.at if end else None,
        by=start.record.by,
        markdown="\n".join(_markdown(history, start, end, outcome)),
    )


def _end(history: History, start: Entry[Start]) -> Entry[Result] | None:
    environment = start.record.environment
    ends: list[Entry[Result]] = [
        *history.of(Recovery, environment=environment),
        *history.of(Deploy, environment=environment),
    ]
    # The deploy's own word, where it came, counts before what was found of it.
    return next((end for end in reversed(ends) if end.record.start == start.id), None)


def _markdown(history: History, start: Entry[Start], end: Entry[Result] | None, outcome: str) -> Iterator[str]:
    record = start.record
    headline = HEADLINES[outcome].format(version=record.version, environment=record.environment)
    yield f"## {headline}\n"
    yield f"- release: {record.version} (`{record.digest}`)"
    yield f"- {DOING[record.action].split()[0]} by {signed(start)}, started {record.at:%Y-%m-%d %H:%M:%S} UTC"
    if record.override:
        yield f"- a freeze was overridden: {record.override}"
    yield from _origin(history, record)
    if end:
        yield from _ending(end)
    if history.problems:
        yield f"\n**The ledger has {len(history.problems)} problems:**\n"
        yield from (f"- {problem}" for problem in history.problems)
    yield ""


def _origin(history: History, record: Start) -> Iterator[str]:
    for build in history.of(Build, version=record.version)[:1]:
        author = f", written by {build.record.author}" if build.record.author else ""
        yield f"- built by {signed(build)} from {build.record.commit[:12] or 'no commit'}{author}"
    approvals = history.of(Approval, environment=record.environment, digest=record.digest)
    by = {entry.stated or f"{entry.record.login} on GitHub": entry for entry in approvals}
    names = [
        name for name, entry in by.items() if entry.record.at <= record.at and (entry.stated or entry.record.login)
    ]
    if names:
        yield f"- approved by {', '.join(names)}"


def _ending(end: Entry[Result]) -> Iterator[str]:
    record = end.record
    yield f"- ended {record.at:%Y-%m-%d %H:%M:%S} UTC: {record.outcome}"
    if isinstance(record, Recovery):
        serves = f"{record.version} ({short(record.digest)})" if record.digest else "nothing"
        yield f"- found by {signed(end)}: {record.message}; {serves} served then"
        return
    before = f"{record.from_version} ({short(record.from_digest)})" if record.from_digest else "nothing"
    yield f"- served before: {before}"
    if record.address:
        yield f"- address: {record.address}"
    if record.stages:
        yield "\n| stage | outcome | time | what it says |\n|---|---|---|---|"
    for stage in record.stages:
        message = stage.message.replace("|", "\\|").replace("\n", "<br>")
        yield f"| {stage.name} | {'passed' if stage.ok else 'failed'} | {stage.seconds:.1f} s | {message} |"
