"""An image's health check, as Docker's HEALTHCHECK sets it."""

from dataclasses import dataclass
from typing import Any

from slipway_engine.errors import UsageError
from slipway_engine.model.go_durations import seconds
from slipway_engine.model.node import Node

NANOSECONDS = 10**9  # in a second


@dataclass(frozen=True)
class HealthcheckConfig(Node):
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
    try:
        return round(seconds(text) * NANOSECONDS)
    except ValueError:
        raise UsageError(f"{text!r}: is not a duration: write it like 30s, 1m30s or 500ms") from None


def duration(value: int) -> str:
    """Write nanoseconds as a duration."""
    return f"{value / NANOSECONDS:g}s" if value else ""
