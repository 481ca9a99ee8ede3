"""Results of the checks."""

from typing import Self
from xml.etree import ElementTree as ET

import dagger

from ci.decorators import field, object_type
from ci.escaping import code_span


@object_type
class TestReport:
    """The outcome of the unit tests."""

    __test__ = False  # for pytest: not a test class, despite its name

    tests: int = field("How many tests passed")
    seconds: float = field("How long the tests took, in seconds")
    line_rate: float = field("The share of covered lines, 0 to 1")
    junit: dagger.File = field("The report as JUnit XML")
    coverage: dagger.File = field("The coverage as Cobertura XML")
    summary: str = field("The same in Markdown")

    @classmethod
    async def of(cls, reports: dagger.Directory) -> Self:
        """Read `junit.xml` and `coverage.xml`."""
        junit, coverage = reports.file("junit.xml"), reports.file("coverage.xml")
        suite = ET.fromstring(await junit.contents()).find("testsuite")  # noqa: S314 - our own step wrote it
        if suite is None:
            raise ValueError("junit.xml holds no test suite: did pytest run?")
        rate = float(ET.fromstring(await coverage.contents()).get("line-rate", "0"))  # noqa: S314 - the same
        tests, seconds = int(suite.get("tests", "0")), float(suite.get("time", "0"))
        summary = f"**{tests} tests passed** in {seconds:.1f} s, {rate:.0%} of the lines covered"
        return cls(tests=tests, seconds=seconds, line_rate=rate, junit=junit, coverage=coverage, summary=summary)


@object_type
class LintReport:
    """The linters that ran without a finding that stops a delivery."""

    linters: list[str] = field("The linters that ran")
    findings: list[str] = field("The findings that are too mild to stop a delivery, one line each")
    summary: str = field("The same in Markdown")

    @classmethod
    def of(cls, linters: list[str], findings: list[str]) -> Self:
        """Name the linters that ran, and list what they found."""
        headline = f"**{'Nothing found' if not findings else 'Nothing that stops a delivery'}** by {', '.join(linters)}"
        lines = "\n".join(f"- {code_span(line)}" for line in findings)
        return cls(linters=linters, findings=findings, summary=f"{headline}\n\n{lines}".strip())
