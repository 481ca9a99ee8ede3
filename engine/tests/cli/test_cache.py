"""What is called again, and what is not."""

import shutil
import time
from pathlib import Path

from .conftest import SAMPLES, Ci


def test_a_result_is_kept(ci: Ci) -> None:
    assert ci("call", "clock").out == ci("call", "clock").out


def test_a_result_is_kept_for_its_arguments(ci: Ci) -> None:
    assert ci("call", "clock").out != ci("call", "--times", "7", "clock").out


def test_a_result_that_is_never_kept(ci: Ci) -> None:
    assert ci("call", "now").out != ci("call", "now").out


def test_a_result_that_is_kept_in_a_session(ci: Ci) -> None:
    assert ci("call", "once").out != ci("call", "once").out


def test_a_result_that_is_kept_for_a_while(ci: Ci) -> None:
    first = ci("call", "soon").out
    time.sleep(1.1)
    assert ci("call", "soon").out != first


def test_a_change_of_the_sources_counts(ci: Ci, tmp_path: Path) -> None:
    copy = tmp_path / "kinds"
    shutil.copytree(SAMPLES / "kinds", copy, ignore=shutil.ignore_patterns("__pycache__"))
    first = ci("call", "clock", cwd=copy).out
    assert ci("call", "clock", cwd=copy).out == first
    main = copy / "src" / "kinds" / "main.py"
    main.write_text(main.read_text() + "\n# changed\n")
    assert ci("call", "clock", cwd=copy).out != first


def test_a_failure_is_not_kept(ci: Ci) -> None:
    assert ci("call", "fail").err.count("#2 ERROR") == ci("call", "fail").err.count("#2 ERROR") == 1
