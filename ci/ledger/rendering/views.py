"""The history as typed views, and their text."""

import json
from datetime import datetime
from typing import Literal

from ci.escaping import for_markdown, one_line
from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History, ServingRecord
from ci.ledger.records import (
    ANONYMOUS,
    Approval,
    Build,
    DeliveryEnd,
    DeliveryStart,
    Denial,
    Lift,
    Recovery,
)
from ci.ledger.rendering.lines import describe_actor, render_lines, short_digest
from ci.ledger.views import EnvironmentsView, EnvironmentView, HistoryView, ReleaseView
from ci.outcome import Outcome
from ci.settings import Settings


def history_view(history: History, environment: str = "", limit: int = 0) -> HistoryView:
    """Return the newest records, of one environment or (empty) of all; a limit of 0 means all records."""
    entries = history.of_environment(environment) if environment else history.entries
    return HistoryView(lines=render_lines(reversed(entries[-limit:] if limit else entries)))


def render_history(view: HistoryView) -> str:
    """Write a history with one line per record."""
    lines = "\n".join(f"{line.at:%Y-%m-%d %H:%M:%S}  {line.text}" for line in view.lines)
    return lines or "nothing is recorded yet"


def environments_view(history: History, settings: Settings) -> EnvironmentsView:
    """Return the current release of every environment."""
    return EnvironmentsView(environments=tuple(environment_view(history, name) for name in settings.environments))


def environment_view(history: History, environment: str) -> EnvironmentView:
    """Return an environment's current release by the ledger."""
    found = history.current(environment)
    open_deliveries = render_lines(history.open_starts(environment))
    if found is None or not found.record.digest:
        return EnvironmentView(environment=environment, open_deliveries=open_deliveries)
    record = found.record
    return EnvironmentView(
        environment=environment,
        version=record.version,
        digest=record.digest,
        since=_current_since(history.served(environment)),
        actor=record.actor,
        signed=bool(found.signer),
        outcome=_outcome(record),
        resolution=record.resolution if isinstance(record, Recovery) else "",
        open_deliveries=open_deliveries,
    )


def render_environments(view: EnvironmentsView) -> str:
    """Write one line per environment."""
    return "\n".join(_render_environment(environment) for environment in view.environments)


def release_view(history: History, version: str, settings: Settings) -> ReleaseView:
    """Return everything about a version.

    Raises:
        RefusedError: The version was never built.
    """
    entry = stored_build(history, version)
    if entry is None:
        known = ", ".join(dict.fromkeys(build.record.version for build in history.of(Build)[-5:]))
        others = f"the latest versions are {known}" if known else "no version was built yet"
        raise RefusedError(f"{version}: was never built; {others}")
    build = entry.record
    about = history.of_digest(build.digest)
    statements = (other for other in about if isinstance(other.record, Approval | Denial | Lift))
    deliveries = (other for other in about if isinstance(other.record, DeliveryStart | DeliveryEnd | Recovery))
    serves = tuple(name for name in settings.environments if environment_view(history, name).digest == build.digest)
    story = "\n".join(f"- {line.at:%Y-%m-%d %H:%M:%S} {for_markdown(line.text)}" for line in render_lines(about))
    facts = {"version", "image", "test_image", "actor", "author", "commit", "dirty", "inputs", "tests", "sbom"}
    return ReleaseView(
        **build.model_dump(include=facts),
        digest=build.digest,
        built=build.at,
        provenance=json.dumps(build.provenance, sort_keys=True),
        migrations=build.migrations,
        forward_compatible=build.forward_compatible,
        statements=render_lines(statements),
        deliveries=render_lines(deliveries),
        serves=serves,
        markdown=f"{_render_heading(entry, serves)}\n\n{story}\n",
    )


def _outcome(record: ServingRecord) -> Outcome | Literal[""]:
    if isinstance(record, DeliveryEnd):
        return record.outcome
    return "" if record.resolution == "observed" else Outcome.INTERRUPTED


def _render_environment(view: EnvironmentView) -> str:
    open_deliveries = f" ({'; '.join(line.text for line in view.open_deliveries)})" if view.open_deliveries else ""
    if view.since is None:
        return f"{view.environment}: nothing{open_deliveries}"
    actor = view.actor if view.signed or view.actor == ANONYMOUS else f"{view.actor} (unverified)"
    return one_line(f"{view.environment}: {view.version} since {view.since:%Y-%m-%d %H:%M} by {actor}{open_deliveries}")


def _render_heading(entry: Entry[Build], serves: tuple[str, ...]) -> str:
    build = entry.record
    where = f"serves {', '.join(serves)}" if serves else "serves nowhere"
    author = f", written by {build.author}" if build.author else ""
    built = f"{describe_actor(entry)} from {build.commit[:12] or 'no commit'}{author}; {build.tests} tests passed."
    return (
        f"**{for_markdown(build.version)}** ({short_digest(build.digest)}) {for_markdown(where)}\n\n"
        f"Built {build.at:%Y-%m-%d %H:%M} by {for_markdown(built)}"
    )


def _current_since(served: tuple[Entry[ServingRecord], ...]) -> datetime:
    """Return when the current release became current: later deliveries of the same digest changed nothing."""
    since = served[-1].record
    for entry in reversed(served):
        if entry.record.digest != since.digest:
            break
        since = entry.record
    return since.at
