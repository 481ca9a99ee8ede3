"""The history in typed views."""

import json
from datetime import datetime

from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History, Result
from ci.ledger.records import Approval, Build, Denial, Deploy, Lift, Recovery, Start, Takeover
from ci.ledger.rendering.lines import lines_of, short, signed
from ci.ledger.views import EnvironmentsView, HistoryView, ReleaseView, Serving
from ci.settings import Settings


def history_view(history: History, environment: str, limit: int) -> HistoryView:
    """Tell what happened, everywhere or in one environment."""
    entries = history.environment(environment) if environment else history.entries
    return HistoryView(lines=lines_of(reversed(entries[-limit:] if limit else entries)))


def environments_view(history: History, settings: Settings) -> EnvironmentsView:
    """Tell what every environment serves."""
    return EnvironmentsView(environments=tuple(serving(history, name) for name in settings.environments))


def serving(history: History, environment: str) -> Serving:
    """Tell what an environment serves by the ledger."""
    found = history.serving(environment)
    under_way = lines_of(history.open_starts(environment))
    if found is None or not found.record.digest:
        return Serving(environment=environment, under_way=under_way)
    record = found.record
    return Serving(
        environment=environment,
        version=record.version,
        digest=record.digest,
        since=_since(history.served(environment)),
        by=record.by,
        proven=bool(found.signer),
        outcome=record.outcome,
        under_way=under_way,
    )


def release_view(history: History, version: str, settings: Settings) -> ReleaseView:
    """Tell a release's whole story.

    Raises:
        RefusedError: There is none of that version.
    """
    entry = stored_build(history, version)
    if entry is None:
        known = ", ".join(dict.fromkeys(build.record.version for build in history.of(Build)[-5:]))
        others = f"the latest versions are {known}" if known else "nothing was yet"
        raise RefusedError(f"{version}: was never built; {others}")
    build = entry.record
    about = history.of_digest(build.digest)
    words = lines_of(other for other in about if isinstance(other.record, Approval | Denial | Lift))
    runs = lines_of(other for other in about if isinstance(other.record, Start | Deploy | Recovery | Takeover))
    serves = tuple(name for name in settings.environments if serving(history, name).digest == build.digest)
    story = "\n".join(f"- {line.at:%Y-%m-%d %H:%M:%S} {line.text}" for line in lines_of(about))
    return ReleaseView(
        **build.model_dump(include={"version", "image", "by", "author", "commit", "dirty", "inputs", "tests", "sbom"}),
        digest=build.digest,
        built=build.at,
        provenance=json.dumps(build.provenance, sort_keys=True),
        migrations=build.migrations,
        forward_compatible=build.forward_compatible,
        words=words,
        runs=runs,
        serves=serves,
        markdown=f"{_heading(entry, serves)}\n\n{story}\n",
    )


def _heading(entry: Entry[Build], serves: tuple[str, ...]) -> str:
    build = entry.record
    where = f"serves {', '.join(serves)}" if serves else "serves nowhere"
    author = f", written by {build.author}" if build.author else ""
    return (
        f"**{build.version}** ({short(build.digest)}) {where}\n\n"
        f"Built {build.at:%Y-%m-%d %H:%M} by {signed(entry)} from {build.commit[:12] or 'no commit'}{author}; "
        f"{build.tests} tests passed."
    )


def _since(served: tuple[Entry[Result], ...]) -> datetime:
    """Return when what serves began to: later deploys of the same digest changed nothing."""
    since = served[-1].record
    for entry in reversed(served):
        if entry.record.digest != since.digest:
            break
        since = entry.record
    return since.at
