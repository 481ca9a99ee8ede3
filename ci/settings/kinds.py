"""The kinds of environment, and what each sets where `pipeline.toml` says nothing."""

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["dev", "acceptance", "production"]

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    # Quick and talkative: every feature, everything logged, a short watch.
    "dev": {
        "replicas": 2,
        "resources": {"cpus": 1.0, "memory": "256MiB", "pids": 200},
        "update": {"parallelism": 0, "delay": 0},
        "log_level": "debug",
        "features": "all",
        "monitoring": "off",
        "data": "synthetic",
        "proof": "integration",
        "health": {"timeout": 60, "interval": 1},
        "verify": {"window": 5, "interval": 1, "max_error_rate": 0.01, "max_p95_ms": 1000, "min_requests": 10},
        "keep_previous": 600,
        "signed": False,
        "approvals": {"count": 0},
    },
    # As production, but with the whole integration suite, data that nobody owns and one person's word.
    "acceptance": {
        "replicas": 2,
        "resources": {"cpus": 0.5, "memory": "256MiB", "pids": 100},
        "update": {"parallelism": 1, "delay": 1},
        "log_level": "minimal",
        "features": [],
        "monitoring": "basic",
        "data": "anonymized",
        "proof": "integration",
        "health": {"timeout": 120, "interval": 2},
        "verify": {"window": 30, "interval": 2, "max_error_rate": 0.01, "max_p95_ms": 500, "min_requests": 50},
        "keep_previous": 3600,
        "signed": False,
        "overriders": ["lead"],
        "approvals": {"count": 1, "roles": ["lead"]},
    },
    # Careful: one replica after the other, smoke tests only, nothing logged, a long watch, two people's word.
    "production": {
        "replicas": 3,
        "resources": {"cpus": 0.5, "memory": "256MiB", "pids": 100},
        "update": {"parallelism": 1, "delay": 5},
        "log_level": "off",
        "features": [],
        "monitoring": "full",
        "data": "real",
        "proof": "smoke",
        "health": {"timeout": 180, "interval": 2},
        "verify": {"window": 120, "interval": 5, "max_error_rate": 0.001, "max_p95_ms": 500, "min_requests": 100},
        "keep_previous": 86400,
        "signed": True,
        "overriders": ["lead"],
        "approvals": {
            "count": 2,
            "roles": ["lead", "stakeholder"],
            "including": ["stakeholder"],
            "by_author": False,
            "valid_for": 604800,
        },
    },
}


def with_defaults(table: Mapping[str, Any]) -> dict[str, Any]:
    """Lay an environment's own settings over the defaults of its kind."""
    # Under a kind that does not exist any defaults do: the kind is then the one thing to complain about.
    return merged(DEFAULTS.get(str(table.get("kind")), DEFAULTS["dev"]), table)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another: tables are joined, everything else is replaced."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        joined[key] = merged(under, value) if both else value  # type: ignore[arg-type]  # `both` says it is a table
    return joined
