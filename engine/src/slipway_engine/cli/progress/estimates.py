"""Estimates of how long steps take, remembered from run to run."""

import contextlib
from hashlib import sha256

from slipway_engine.cli.progress.view import View
from slipway_engine.errors import StoreError
from slipway_engine.events import Span
from slipway_engine.store.database import Store


class Estimates(View):
    """Gives each span its usual duration from earlier runs, and stores its duration in this run."""

    def __init__(self, store: Store, project: str) -> None:
        """Start with what the store knows; equal steps of two projects are two."""
        self._store, self._project = store, project
        self._took: dict[str, float] = {}

    def started(self, span: Span) -> None:
        """Set the span's usual duration."""
        last = self._store.durations(self._key(span))
        if last:
            from statistics import median  # noqa: PLC0415 - slow to import

            span.usual = median(last)

    def ended(self, span: Span) -> None:
        """Keep the span's duration, if its work was really done."""
        if span.status == "done":
            self._took[self._key(span)] = span.seconds

    def stop(self) -> None:
        """Store the durations; a store that fails does not fail the run."""
        with contextlib.suppress(StoreError):
            if self._took:
                self._store.put_durations(self._took)
        self._took = {}

    def _key(self, span: Span) -> str:
        return sha256(f"{self._project}\0{span.title}".encode(errors="replace")).hexdigest()[:32]
