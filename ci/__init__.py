"""Slipway: test, build, push, deploy and verify a service, on a laptop as in CI."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ci.pipeline import Ci

__all__ = ["Ci"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute can be anything
    # Loaded on first use: the agent imports its part of this package where Dagger is not installed.
    if name == "Ci":
        from ci.pipeline import Ci  # noqa: PLC0415 - see above

        return Ci
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
