"""What `settings` returns."""

from collections.abc import Sequence
from typing import Self

from ci.settings.explained import Explained
from ci.typed import field, object_type


@object_type
class EffectiveSettings:
    """The settings as they are in effect, each with where it comes from."""

    environment: str = field()
    paths: list[str] = field()
    values: list[str] = field()
    sources: list[str] = field()
    summary: str = field()

    @classmethod
    def of(cls, environment: str, rows: Sequence[Explained]) -> Self:
        """Take rows over."""
        table = [f"| {row.path} | `{row.value}` | {row.source} |" for row in rows]
        return cls(
            environment=environment,
            paths=[row.path for row in rows],
            values=[row.value for row in rows],
            sources=[row.source for row in rows],
            summary="\n".join(["| setting | value | from |", "|---|---|---|", *table]),
        )
