import pytest

from slipway_engine.errors import UsageError
from slipway_engine.model.go_durations import check_ttl, seconds


@pytest.mark.parametrize(("text", "value"), [("10s", 10), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25)])
def test_seconds(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "10", "s", "1 h", "-1s", "1d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="^" + text):
        seconds(text)


@pytest.mark.parametrize("text", ["500ms", "169h", "soon"])
def test_a_time_to_live_has_bounds(text: str) -> None:
    with pytest.raises(UsageError, match="build"):
        check_ttl("build", text)
