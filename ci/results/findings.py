"""What the function returns that tells which lines to mend."""

from collections.abc import Sequence
from typing import Self

from ci.decorators import field, object_type


@object_type
class Findings:
    """What the tests and the linters complain about, a line each."""

    count: int = field("How many findings")
    lines: list[str] = field("One line for each finding")
    annotations: str = field("The findings as GitHub's annotations")
    summary: str = field("All of them, in Markdown")

    @classmethod
    def of(cls, lines: Sequence[str], annotations: Sequence[str]) -> Self:
        """Take the lines over: as people read them, and as GitHub's runner does."""
        listed = "\n".join(f"- `{line}`" for line in lines)
        summary = (
            f"## {len(lines)} lines to mend\n\n{listed}" if lines else "**Nothing to mend** by the tests and linters"
        )
        return cls(count=len(lines), lines=list(lines), annotations="\n".join(annotations), summary=summary)
