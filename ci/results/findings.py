"""The result of `findings`."""

from collections.abc import Sequence
from typing import Self

from ci.decorators import field, object_type
from ci.escaping import code_span


@object_type
class Findings:
    """The findings of the tests and the linters, one line each."""

    count: int = field("How many findings")
    lines: list[str] = field("One line for each finding")
    annotations: str = field("The findings as GitHub's annotations")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, lines: Sequence[str], annotations: Sequence[str]) -> Self:
        """Build the result from the findings as text, and as annotations of GitHub's runner."""
        listed = "\n".join(f"- {code_span(line)}" for line in lines)
        summary = f"## {len(lines)} findings\n\n{listed}" if lines else "**No findings** by the tests and linters"
        return cls(count=len(lines), lines=list(lines), annotations="\n".join(annotations), summary=summary)
