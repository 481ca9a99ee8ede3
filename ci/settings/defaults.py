"""The kinds of environment, and the defaults of each."""

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["dev", "acceptance", "production"]

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    # Quick: every feature, all logs, a short verify window.
    "dev": {
        "replicas": 2,
        "resources": {"cpus": 1.0, "memory": "256MiB", "pids": 200},
        "update": {"parallelism": 0, "delay": 0},
        "log_level": "debug",
        "features": "all",
        "monitoring": "off",
        "data": "synthetic",
        "tests": "integration",
        "health": {"timeout": 60, "interval": 1},
        "verify": {"window": 5, "interval": 1, "max_error_rate": 0.01, "max_p95_ms": 1000, "min_requests": 10},
        "keep_previous": 600,
        "signed": False,
        "approvals": {"count": 0},
    },
    # Like production, but with the integration tests, anonymized data and one approval.
    "acceptance": {
        "replicas": 2,
        "resources": {"cpus": 0.5, "memory": "256MiB", "pids": 100},
        "update": {"parallelism": 1, "delay": 1},
        "log_level": "minimal",
        "features": [],
        "monitoring": "basic",
        "data": "anonymized",
        "tests": "integration",
        "health": {"timeout": 120, "interval": 2},
        "verify": {"window": 30, "interval": 2, "max_error_rate": 0.01, "max_p95_ms": 500, "min_requests": 50},
        "keep_previous": 3600,
        "signed": False,
        "overriders": ["lead"],
        "approvals": {"count": 1, "roles": ["lead"]},
    },
    # Careful: one replica after the other, smoke tests only, no logs, a long verify window, two approvals.
    "production": {
        "replicas": 3,
        "resources": {"cpus": 0.5, "memory": "256MiB", "pids": 100},
        "update": {"parallelism": 1, "delay": 5},
        "log_level": "off",
        "features": [],
        "monitoring": "full",
        "data": "real",
        "tests": "smoke",
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


def add_defaults(table: Mapping[str, Any]) -> dict[str, Any]:
    """Merge an environment's own settings over the defaults of its kind."""
    # An unknown kind gets the defaults of dev: the kind is then the only problem to report.
    return merge(DEFAULTS.get(str(table.get("kind")), DEFAULTS["dev"]), table)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge one table over another: tables are merged, everything else is replaced."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        joined[key] = merge(under, value) if both else value  # type: ignore[arg-type]  # both are tables
    return joined
