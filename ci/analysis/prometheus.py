"""The edge's request counters, out of Prometheus' text format."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ci.edge import COUNTED_HANDLER

SAMPLE: Final = re.compile(r"^(\w+)\{([^}]*)\} (\S+)")
LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
DURATION: Final = "caddy_http_request_duration_seconds"
SERVER_ERROR: Final = "5"


@dataclass(frozen=True)
class Counters:
    """Counters since the edge started: all requests, failed requests, and requests by their longest duration."""

    requests: int = 0
    errors: int = 0
    buckets: Mapping[float, int] = field(default_factory=dict)

    def since(self, before: "Counters") -> "Counters":
        """Return what was added since an earlier reading; a counter that began anew counts from zero."""
        if self.requests < before.requests:
            return self
        buckets = {bound: count - before.buckets.get(bound, 0) for bound, count in self.buckets.items()}
        return Counters(self.requests - before.requests, self.errors - before.errors, buckets)

    def plus(self, other: "Counters") -> "Counters":
        """Add the counters of another replica."""
        bounds = self.buckets.keys() | other.buckets.keys()
        buckets = {bound: self.buckets.get(bound, 0) + other.buckets.get(bound, 0) for bound in sorted(bounds)}
        return Counters(self.requests + other.requests, self.errors + other.errors, buckets)


def read_counters(text: str) -> Counters:
    """Read the counters of one edge, all from one histogram, so that they always agree."""
    requests = errors = 0
    buckets: dict[float, int] = {}
    for name, labels, value in _samples(text):
        if name == f"{DURATION}_count":
            requests += int(value)
            errors += int(value) if labels["code"].startswith(SERVER_ERROR) else 0
        elif name == f"{DURATION}_bucket":
            bound = float(labels["le"])
            buckets[bound] = buckets.get(bound, 0) + int(value)
    return Counters(requests, errors, dict(sorted(buckets.items())))


def _samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for line in text.splitlines():
        match = SAMPLE.match(line)
        labels = dict(LABEL.findall(match[2])) if match else {}
        if match and labels.get("handler") == COUNTED_HANDLER:
            yield match[1], labels, float(match[3])
