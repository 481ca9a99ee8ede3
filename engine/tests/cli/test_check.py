"""`ci check`: every check runs, each has a line, and one that fails makes the status 1."""

from .conftest import Ci


def test_checks_run_and_one_fails(ci: Ci) -> None:
    outcome = ci("check")
    assert outcome.status == 1
    assert sorted(line.split()[:2] for line in outcome.out.splitlines()) == [["✔", "passes"], ["✘", "breaks"]]
    assert outcome.err.endswith("Error: the check found something\n")


def test_one_check(ci: Ci) -> None:
    outcome = ci("check", "pass*")
    assert (outcome.status, outcome.out.split()[:2]) == (0, ["✔", "passes"])


def test_list(ci: Ci) -> None:
    assert ci("check", "-l").out == "Name     Description\nbreaks   Fail.\npasses   Pass.\n"
