"""The report of an environment's latest delivery in Markdown, also of one that failed or has no end."""

from collections.abc import Iterator, Mapping

from ci.escaping import code_span, for_markdown
from ci.ledger.builds import counting_builds
from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History, ServingRecord
from ci.ledger.records import Approval, Build, DeliveryEnd, DeliveryStart, Recovery, Resolution
from ci.ledger.rendering.lines import describe_actor, short_digest
from ci.ledger.views import ReportView
from ci.outcome import Outcome

HEADLINES: Mapping[Outcome, str] = {
    Outcome.SUCCEEDED: "{version} serves {environment}",
    Outcome.UNCHANGED: "{version} served {environment} already",
    Outcome.INCONCLUSIVE: "{version} serves {environment}, but there were too few requests for a verdict",
    Outcome.FAILED: "{version} failed in {environment}",
    Outcome.ROLLED_BACK: "{version} failed its verification in {environment} and was rolled back",
    Outcome.REFUSED: "{version} was refused in {environment}",
    Outcome.INTERRUPTED: "{version} was started in {environment} and has no end: it runs, or was killed",
}
RESOLUTIONS: Mapping[Resolution, str] = {
    "undone": "{version} was interrupted in {environment}, and the next command undid it",
    "finished": "{version} was interrupted in {environment}, and the next command finished it",
    "observed": "{version} was interrupted in {environment}",
}
ACTIONS = {"deploy": "deployed", "rollback": "rolled back to", "restore": "restored"}


def render_report(history: History, environment: str) -> ReportView:
    """Report the latest delivery.

    Raises:
        RefusedError: There was no delivery to the environment yet.
    """
    starts = history.of(DeliveryStart, environment=environment)
    if not starts:
        raise RefusedError(f"{environment}: nothing was deployed there yet: type `ci call deploy --env {environment}`")
    start = starts[-1]
    end = _find_end(history, start)
    return ReportView(
        environment=environment,
        version=start.record.version,
        digest=start.record.digest,
        outcome=_outcome(end),
        started=start.record.at,
        ended=end.record.at if end else None,
        actor=start.record.actor,
        markdown="\n".join(_render(history, start, end)),
    )


def _find_end(history: History, start: Entry[DeliveryStart]) -> Entry[ServingRecord] | None:
    environment = start.record.environment
    ends: list[Entry[ServingRecord]] = [
        *history.of(Recovery, environment=environment),
        *history.of(DeliveryEnd, environment=environment),
    ]
    # The delivery's own record, where there is one, counts before a recovery's.
    return next((end for end in reversed(ends) if end.record.start == start.id), None)


def _outcome(end: Entry[ServingRecord] | None) -> Outcome:
    return end.record.outcome if end and isinstance(end.record, DeliveryEnd) else Outcome.INTERRUPTED


def _render(history: History, start: Entry[DeliveryStart], end: Entry[ServingRecord] | None) -> Iterator[str]:
    record = start.record
    recovery = end.record if end and isinstance(end.record, Recovery) else None
    headline = RESOLUTIONS[recovery.resolution] if recovery else HEADLINES[_outcome(end)]
    version = for_markdown(record.version)
    yield f"## {headline.format(version=version, environment=for_markdown(record.environment))}\n"
    yield f"- release: {version} ({code_span(record.digest)})"
    actor = for_markdown(describe_actor(start))
    yield f"- {ACTIONS[record.action]} by {actor}, started {record.at:%Y-%m-%d %H:%M:%S} UTC"
    if record.override:
        yield f"- a freeze window was overridden: {for_markdown(record.override)}"
    yield from _render_build(history, record)
    if end:
        yield from _render_end(end)
    if history.problems:
        yield f"\n**The ledger has {len(history.problems)} problems:**\n"
        yield from (f"- {for_markdown(problem)}" for problem in history.problems)
    yield ""


def _render_build(history: History, record: DeliveryStart) -> Iterator[str]:
    for build in counting_builds(history.of(Build, version=record.version, digest=record.digest))[:1]:
        author = f", written by {build.record.author}" if build.record.author else ""
        built = f"{describe_actor(build)} from {build.record.commit[:12] or 'no commit'}{author}"
        yield f"- built by {for_markdown(built)}"
    approvals = history.of(Approval, environment=record.environment, digest=record.digest)
    people = {entry.person or f"{entry.record.login} on GitHub": entry for entry in approvals}
    names = [
        name for name, entry in people.items() if entry.record.at <= record.at and (entry.person or entry.record.login)
    ]
    if names:
        yield f"- approved by {for_markdown(', '.join(names))}"


def _render_end(end: Entry[ServingRecord]) -> Iterator[str]:
    record = end.record
    if isinstance(record, Recovery):
        serves = f"{record.version} ({short_digest(record.digest)})" if record.digest else "nothing"
        yield f"- {record.resolution} {record.at:%Y-%m-%d %H:%M:%S} UTC"
        yield f"- found by {for_markdown(f'{describe_actor(end)}: {record.message}; {serves} served then')}"
        return
    yield f"- ended {record.at:%Y-%m-%d %H:%M:%S} UTC: {record.outcome}"
    previous = (
        f"{record.previous_version} ({short_digest(record.previous_digest)})" if record.previous_digest else "none"
    )
    yield f"- previous release: {for_markdown(previous)}"
    if record.address:
        yield f"- address: {for_markdown(record.address)}"
    if record.stages:
        yield "\n| stage | result | time | message |\n|---|---|---|---|"
    for stage in record.stages:
        message = "<br>".join(map(for_markdown, stage.message.split("\n")))
        result = "passed" if stage.ok else "failed"
        yield f"| {for_markdown(stage.name)} | {result} | {stage.seconds:.1f} s | {message} |"
