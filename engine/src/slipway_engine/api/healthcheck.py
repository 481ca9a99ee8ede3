"""The API's HealthcheckConfig: an image's health check, as Docker's HEALTHCHECK sets it."""

import re
from dataclasses import dataclass
from typing import Any

from slipway_engine.api.base import Object
from slipway_engine.errors import UsageError

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


@dataclass(frozen=True)
class HealthcheckConfig(Object):
    """The attributes have the names of the API's fields; times are texts such as `30s`."""

    args: tuple[str, ...]
    shell: bool = False
    interval: str = ""
    timeout: str = ""
    start_period: str = ""
    start_interval: str = ""
    retries: int = 0

    def as_config(self) -> dict[str, Any]:
        """Return it in the form of an image's configuration, with times in nanoseconds."""
        test = ["CMD-SHELL", " ".join(self.args)] if self.shell else ["CMD", *self.args]
        times = {
            "Interval": self.interval,
            "Timeout": self.timeout,
            "StartPeriod": self.start_period,
            "StartInterval": self.start_interval,
        }
        return (
            {"Test": test}
            | {name: nanoseconds(value) for name, value in times.items() if value}
            | ({"Retries": self.retries} if self.retries else {})
        )

    @classmethod
    def from_config(cls, config: dict[str, Any] | None) -> "HealthcheckConfig | None":
        """Read an image's configuration; nothing when it has no check."""
        test = (config or {}).get("Test") or ["NONE"]
        if config is None or test[0] == "NONE":
            return None
        return cls(
            args=tuple(test[1:]),
            shell=test[0] == "CMD-SHELL",
            interval=duration(config.get("Interval", 0)),
            timeout=duration(config.get("Timeout", 0)),
            start_period=duration(config.get("StartPeriod", 0)),
            start_interval=duration(config.get("StartInterval", 0)),
            retries=config.get("Retries", 0),
        )


def nanoseconds(text: str) -> int:
    """Read a duration such as `1m30s`, as Go writes it."""
    if not re.fullmatch(r"(?:[\d.]+(?:ns|us|ms|s|m|h))+", text):
        raise UsageError(f"{text!r}: is not a duration: write it like 30s, 1m30s or 500ms")
    return int(sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ns|us|ms|s|m|h)", text)))


def duration(value: int) -> str:
    """Write nanoseconds as a duration."""
    return f"{value / UNITS['s']:g}s" if value else ""
