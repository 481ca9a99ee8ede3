"""Findings as the tools print them, and what GitHub makes of them."""

import pytest

from ci.settings import Lint
from ci.settings.lint import Severity
from ci.stages.finding import Finding, read_findings

RUFF = """\
F401 [*] `os` imported but unused
 --> src/greeter/answers.py:1:8
  |
1 | import os
  |        ^^
help: Remove unused import: `os`

Found 1 error.
"""
MYPY = """\
src/greeter/answers.py:4: error: Missing return statement  [return]
Found 1 error in 1 file (checked 3 source files)
"""
FORMAT = """\
Would reformat: src/greeter/answers.py
1 file would be reformatted
"""
UNFORMATTED = """\
unformatted: File would be reformatted
 --> src/greeter/answers.py:2:1
  |
1 | import os
  - x = 'a'
2 + x = "a"
  |

1 file would be reformatted
"""
HADOLINT = "Dockerfile:2 DL3015 info: Avoid additional packages by specifying `--no-install-recommends`\n"
UNPARSABLE = "Dockerfile:2:5 unexpected 'x'\n"
SHELLCHECK = "bin/a.sh:2:6: warning: x is referenced but not assigned. [SC2154]\n"
ACTIONLINT = """\
.github/workflows/x.yml:10:9: unexpected key "shel" for step [syntax-check]
   |
10 |         shel: bash
   |         ^~~~~
"""
ZIZMOR = """\
 INFO zizmor: zizmor v1.32.0
error[unpinned-uses]: unpinned action reference
 --> .github/workflows/x.yml:7:15
  |
7 |       - uses: actions/checkout@v4
  |               ^^^^^^^^^^^^^^^^^^^ action is not pinned to a hash
  |
  = note: audit confidence → High
"""
UV_LOCK = """\
Resolved 16 packages in 173ms
error: The lockfile at `uv.lock` needs to be updated, but `--check` was provided.
"""
NPM_LOCK = "web/package-lock.json:1: is not up to date with package.json (a): run `npm install`\n"
PYTEST = """\
============================= test session starts ==============================
collected 3 items

tests/unit/test_a.py .F                                                  [100%]

=================================== FAILURES ===================================
____________________________________ test_b ____________________________________

    def test_b():
>       assert add(1, 1) == 3, "sum is off"
E       AssertionError: sum is off
E       assert 2 == 3
E        +  where 2 = add(1, 1)

tests/unit/test_a.py:5: AssertionError
=========================== short test summary info ============================
FAILED tests/unit/test_a.py::test_b - AssertionError: sum is off
2026-01-01 12:30:15: done
"""
DEEP = """\
=================================== FAILURES ===================================
____________________________________ test_c ____________________________________
tests/unit/test_a.py:9:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
/app/src/greeter/answers.py:12: in ask
    return client.get("/")
/venv/lib/python3.13/site-packages/httpx/_client.py:99: in get
    raise ConnectError
E   httpx.ConnectError: refused

/venv/lib/python3.13/site-packages/httpx/_client.py:99: ConnectError
=========================== 1 failed in 0.1s ===========================
"""
COLLECTING = """\
==================================== ERRORS ====================================
__________________________ ERROR collecting test_b.py __________________________
Traceback:
/usr/local/lib/python3.13/importlib/__init__.py:88: in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
tests/unit/test_b.py:1: in <module>
    import nope
E   ModuleNotFoundError: No module named 'nope'
=========================== short test summary info ============================
ERROR tests/unit/test_b.py
"""


@pytest.mark.parametrize(
    ("tool", "output", "place", "message"),
    [
        ("ruff", RUFF, ("src/greeter/answers.py", 1, 8), "F401 [*] `os` imported but unused"),
        ("mypy", MYPY, ("src/greeter/answers.py", 4, 0), "error: Missing return statement  [return]"),
        ("ruff format", FORMAT, ("src/greeter/answers.py", 1, 0), "is not formatted as `ruff format` does it"),
        ("ruff format", UNFORMATTED, ("src/greeter/answers.py", 2, 1), "is not formatted as `ruff format` does it"),
        ("hadolint", UNPARSABLE, ("Dockerfile", 2, 5), "unexpected 'x'"),
        ("hadolint", HADOLINT, ("Dockerfile", 2, 0), "DL3015 info: Avoid additional packages by"),
        ("shellcheck", SHELLCHECK, ("bin/a.sh", 2, 6), "warning: x is referenced but not assigned. [SC2154]"),
        ("actionlint", ACTIONLINT, (".github/workflows/x.yml", 10, 9), 'unexpected key "shel" for step'),
        ("zizmor", ZIZMOR, (".github/workflows/x.yml", 7, 15), "error[unpinned-uses]: unpinned action reference"),
        ("uv lock", UV_LOCK, ("uv.lock", 1, 0), "is not up to date with pyproject.toml: run `uv lock`"),
        ("npm lock", NPM_LOCK, ("web/package-lock.json", 1, 0), "is not up to date with package.json (a)"),
        ("pytest", PYTEST, ("tests/unit/test_a.py", 5, 0), "AssertionError: sum is off"),
        ("pytest", DEEP, ("src/greeter/answers.py", 12, 0), "httpx.ConnectError: refused"),
        ("pytest", COLLECTING, ("tests/unit/test_b.py", 1, 0), "ModuleNotFoundError: No module named 'nope'"),
    ],
    ids=[
        *("ruff", "mypy", "format", "unformatted", "unparsable", "hadolint", "shellcheck", "actionlint", "zizmor"),
        *("uv", "npm", "pytest", "deep", "collecting"),
    ],
)
def test_finding_is_read_from_the_output_of_each_tool(
    tool: str, output: str, place: tuple[str, int, int], message: str
) -> None:
    (found,) = read_findings(tool, output, "examples/orders")
    assert (found.path, found.line, found.column) == (f"examples/orders/{place[0]}", *place[1:])
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    ("tool", "output", "severity", "level"),
    [
        ("hadolint", HADOLINT, "info", "notice"),
        ("hadolint", HADOLINT.replace("info", "style"), "style", "notice"),
        ("hadolint", HADOLINT.replace("info", "warning"), "warning", "warning"),
        ("hadolint", HADOLINT.replace("info", "error"), "error", "error"),
        ("hadolint", UNPARSABLE, None, "error"),
        ("shellcheck", SHELLCHECK, "warning", "warning"),
        ("shellcheck", SHELLCHECK.replace("warning", "note"), "info", "notice"),
        ("zizmor", ZIZMOR, "error", "error"),
        ("zizmor", ZIZMOR.replace("error[", "help["), "info", "notice"),
        ("ruff", RUFF, None, "error"),
        ("actionlint", ACTIONLINT, None, "error"),
    ],
)
def test_finding_has_the_severity_that_its_tool_names(tool: str, output: str, severity: str, level: str) -> None:
    (found,) = read_findings(tool, output, ".")
    assert found.severity == severity
    assert found.annotation.startswith(f"::{level} ")


def test_mildest_severity_that_stops_a_delivery_is_a_setting() -> None:
    severities: tuple[Severity | None, ...] = (None, "error", "warning", "info", "style")
    assert [Lint().stops(severity) for severity in severities] == [True, True, True, False, False]
    assert [Lint(fail_on="error").stops(severity) for severity in severities] == [True, True, False, False, False]
    assert all(Lint(fail_on="style").stops(severity) for severity in severities)


def test_passed_run_has_no_finding() -> None:
    for tool in ("ruff", "mypy", "pytest", "shellcheck"):
        assert list(read_findings(tool, "collected 3 items\n...   [100%]\n=== 3 passed ===\n", ".")) == []


def test_service_may_be_the_whole_repository() -> None:
    (found,) = read_findings("mypy", "a.py:1:2: error: unused", ".")
    assert found.text == "a.py:1:2: error: unused (mypy)"


def test_annotation_is_written_as_the_runner_reads_it() -> None:
    finding = Finding("ruff", "a,b:c.py", 3, "50% of\nit: wrong", 7)
    assert finding.annotation == "::error file=a%2Cb%3Ac.py,line=3,col=7,title=ruff::50%25 of%0Ait: wrong"
    note = Finding("mypy", "a.py", 3, "note: see there")
    assert note.annotation == "::notice file=a.py,line=3,title=mypy::note: see there"
