"""Progress on the standard error."""

import pytest

from ci.progress import write_progress
from tests.hostile_texts import HOSTILE, assert_harmless


def test_progress_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    write_progress(f"policy: {HOSTILE}")
    error = capsys.readouterr().err
    assert error.startswith("policy: x")
    assert error.endswith("\n")
    assert_harmless(error)
