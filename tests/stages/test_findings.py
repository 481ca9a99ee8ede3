"""Complaints of the tools as they print them, and what GitHub makes of them."""

import pytest

from ci.stages.findings import Complaint, read_complaints


@pytest.mark.parametrize(
    ("said", "place", "message"),
    [
        (
            "src/greeter/answers.py:1:8: F401 `os` imported but unused",
            ("src/greeter/answers.py", 1, 8),
            "F401 `os` imp",
        ),
        (
            "src/greeter/answers.py:4: error: Missing return statement  [return]",
            ("src/greeter/answers.py", 4, 0),
            "erro",
        ),
        ("Would reformat: src/greeter/answers.py", ("src/greeter/answers.py", 1, 0), "is formatted otherwise"),
        (
            "/app/tests/unit/test_a.py:5: AssertionError: assert 1 == 2",
            ("tests/unit/test_a.py", 5, 0),
            "AssertionError",
        ),
    ],
    ids=["ruff", "mypy", "format", "pytest"],
)
def test_each_tool_is_understood(said: str, place: tuple[str, int, int], message: str) -> None:
    noise = "collected 3 items\n.F.   [100%]\nFound 1 error.\n12:30:15 done\n"
    (found,) = read_complaints("tool", f"{noise}{said}\n{said}\n", "examples/orders")
    assert (found.path, found.line, found.column) == (f"examples/orders/{place[0]}", *place[1:])
    assert found.message.startswith(message)


def test_a_service_may_be_the_whole_repository() -> None:
    (found,) = read_complaints("ruff", "a.py:1:2: F401 unused", ".")
    assert found.text == "a.py:1:2: F401 unused (ruff)"


def test_annotations_are_written_as_the_runner_reads_them() -> None:
    complaint = Complaint("ruff", "a,b:c.py", 3, "50% of\nit: wrong", 7)
    assert complaint.annotation == "::error file=a%2Cb%3Ac.py,line=3,col=7,title=ruff::50%25 of%0Ait: wrong"
    note = Complaint("mypy", "a.py", 3, "note: see there")
    assert note.annotation == "::notice file=a.py,line=3,title=mypy::note: see there"
