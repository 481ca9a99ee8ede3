"""The result of `settings`."""

from collections.abc import Sequence
from typing import Self

from ci.decorators import field, object_type
from ci.escaping import code_span, for_markdown
from ci.settings.effective import EffectiveSetting


@object_type
class EffectiveSettings:
    """The effective settings, each with its source."""

    environment: str = field("The environment's name")
    paths: list[str] = field("The settings' paths, in the order of `values` and `sources`")
    values: list[str] = field("The settings' values")
    sources: list[str] = field("The source of each value")
    summary: str = field("The same as a table in Markdown")

    @classmethod
    def of(cls, environment: str, rows: Sequence[EffectiveSetting]) -> Self:
        """Convert the rows."""
        # A cell ends at every bar, also at one in code.
        values = [code_span(row.value).replace("|", "\\|") for row in rows]
        table = [
            f"| {for_markdown(row.path)} | {value} | {for_markdown(row.source)} |"
            for row, value in zip(rows, values, strict=True)
        ]
        return cls(
            environment=environment,
            paths=[row.path for row in rows],
            values=[row.value for row in rows],
            sources=[row.source for row in rows],
            summary="\n".join(["| setting | value | from |", "|---|---|---|", *table]),
        )
