"""What `settings` returns."""

from collections.abc import Sequence
from typing import Self

from ci.decorators import field, object_type
from ci.settings.effective import EffectiveSetting


@object_type
class EffectiveSettings:
    """The settings as they are in effect, each with where it comes from."""

    environment: str = field("The environment's name")
    paths: list[str] = field("The settings' paths, in the order of `values` and `sources`")
    values: list[str] = field("Their values")
    sources: list[str] = field("Where each value comes from")
    summary: str = field("All of it, as a table in Markdown")

    @classmethod
    def of(cls, environment: str, rows: Sequence[EffectiveSetting]) -> Self:
        """Take rows over."""
        table = [f"| {row.path} | `{row.value}` | {row.source} |" for row in rows]
        return cls(
            environment=environment,
            paths=[row.path for row in rows],
            values=[row.value for row in rows],
            sources=[row.source for row in rows],
            summary="\n".join(["| setting | value | from |", "|---|---|---|", *table]),
        )
