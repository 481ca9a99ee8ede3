"""How long steps usually take: remembered from run to run."""

import contextlib
from hashlib import sha256

from slipway_engine.cli.progress.view import View
from slipway_engine.errors import StoreError
from slipway_engine.events import Span
from slipway_engine.store.database import Store


class Estimates(View):
    """Tells each span how long it took in earlier runs, and remembers how long it took in this one."""

    def __init__(self, store: Store, project: str) -> None:
        """Start with what the store knows; equal steps of two projects are two."""
        self._store, self._project = store, project
        self._took: dict[str, float] = {}

    def started(self, span: Span) -> None:
        """Tell it what is usual."""
        last = self._store.durations(self._key(span))
        if last:
            from statistics import median  # noqa: PLC0415 - slow to import

            span.usual = median(last)

    def ended(self, span: Span) -> None:
        """Note how long it took, if it was really done."""
        if span.status == "done":
            self._took[self._key(span)] = span.seconds

    def stop(self) -> None:
        """Remember it all; a store that cannot is no reason to fail."""
        with contextlib.suppress(StoreError):
            if self._took:
                self._store.put_durations(self._took)
        self._took = {}

    def _key(self, span: Span) -> str:
        return sha256(f"{self._project}\0{span.title}".encode(errors="replace")).hexdigest()[:32]
