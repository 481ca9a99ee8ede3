"""Answering what is read."""

from ci.ledger.errors import RefusedError
from ci.ledger.history import History
from ci.ledger.protocol import Read, Viewed
from ci.ledger.records import ANONYMOUS
from ci.ledger.rendering.prospects import reported
from ci.ledger.rendering.reading import environments_view, history_view, release_view
from ci.ledger.store.store import Ledger
from ci.ledger.views import Serving


async def show(ledger: Ledger, request: Read) -> Viewed:
    """Read the ledger and show the view that is asked for.

    Raises:
        RefusedError: There is nothing of that name.
    """
    settings = request.settings
    if request.environment:
        settings.environment(request.environment)
    history = await ledger.read()
    match request.view:
        case "history":
            lines = history_view(history, request.environment, request.limit)
            text = "\n".join(f"{line.at:%Y-%m-%d %H:%M:%S}  {line.text}" for line in lines.lines)
            return _viewed(history, text or "nothing is recorded yet", history=lines)
        case "release":
            release = release_view(history, _given(request.version, "--version"), settings)
            return _viewed(history, release.markdown, release=release)
        case "report":
            _given(request.environment, "--env")
            told, text = await reported(ledger, history, request)
            return _viewed(history, text, report=told.model_copy(update={"markdown": text}) if told else None)
        case "environments":
            found = environments_view(history, settings)
            return _viewed(history, "\n".join(map(_line, found.environments)), environments=found)


def _given(value: str, flag: str) -> str:
    if not value:
        raise RefusedError(f"of what? give {flag}")
    return value


def _line(serving: Serving) -> str:
    under_way = f" ({'; '.join(line.text for line in serving.under_way)})" if serving.under_way else ""
    if serving.since is None:
        return f"{serving.environment}: nothing{under_way}"
    by = serving.by if serving.proven or serving.by == ANONYMOUS else f"{serving.by} (not proven)"
    return f"{serving.environment}: {serving.version} since {serving.since:%Y-%m-%d %H:%M} by {by}{under_way}"


def _viewed(read: History, message: str, /, **views: object) -> Viewed:
    return Viewed.model_validate({"message": message, "problems": read.problems, **views})
