"""Random histories of a team's environments; see histories.py for what happens, invariants.py for what must hold."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.delivery.histories import Command, histories, run_history

settings.register_profile("histories", deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(settings.get_profile("histories"), max_examples=300, derandomize=True)
@given(history=histories)
def test_every_history_keeps_the_invariants(history: list[Command]) -> None:
    run_history(history)


@pytest.mark.full
@settings(settings.get_profile("histories"), max_examples=10_000)
@given(history=histories)
def test_ten_thousand_histories_keep_the_invariants(history: list[Command]) -> None:
    run_history(history)
