"""The edge's request counters, out of Prometheus' text format."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

SAMPLE: Final = re.compile(r"^(\w+)\{([^}]*)\} (\S+)")
LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# One handler of the chain sees every request that the service should answer.
HANDLER: Final = "reverse_proxy"
SERVER_ERROR: Final = "5"


@dataclass(frozen=True)
class Counters:
    """Requests since some beginning: how many, how many of them failed, and how many took at most so many seconds."""

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
    """Read the counters of one edge.

    A request that the proxy itself could not have answered has no duration in some of Caddy's versions, so a failed
    request is one that was counted and has no duration with a good status.
    """
    samples = list(_samples(text))
    requests = _total(samples, "caddy_http_requests_total")
    good = _total((s for s in samples if not s[1].get("code", "").startswith(SERVER_ERROR)), f"{DURATION}_count")
    buckets: dict[float, int] = {}
    for name, labels, value in samples:
        if name == f"{DURATION}_bucket" and labels.get("handler") == HANDLER:
            bound = float(labels["le"])
            buckets[bound] = buckets.get(bound, 0) + int(value)
    return Counters(int(requests), max(0, int(requests - good)), dict(sorted(buckets.items())))


DURATION: Final = "caddy_http_request_duration_seconds"
Sample = tuple[str, Mapping[str, str], float]


def _samples(text: str) -> Iterator[Sample]:
    for line in text.splitlines():
        if match := SAMPLE.match(line):
            yield match[1], dict(LABEL.findall(match[2])), float(match[3])


def _total(samples: Iterable[Sample], name: str) -> float:
    return sum(value for found, labels, value in samples if found == name and labels.get("handler") == HANDLER)
