"""`[lint]`: which findings of the linters stop a delivery."""

from typing import Literal

from ci.frozen import FrozenModel

Severity = Literal["error", "warning", "info", "style"]
# The worst first.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info", "style")


class Lint(FrozenModel):
    """`[lint]`: which findings of the linters stop a delivery."""

    fail_on: Severity = "warning"
    """The mildest severity that stops a delivery, `error`, `warning`, `info` or `style`; without severities, all do."""

    def stops(self, severity: Severity | None) -> bool:
        """Return whether a finding stops a delivery; None: its tool has no severities."""
        return severity is None or SEVERITIES.index(severity) <= SEVERITIES.index(self.fail_on)
