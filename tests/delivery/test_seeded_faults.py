"""The random histories find each fault that is seeded into the delivery code."""

import pytest

from tests.delivery.seeded_faults import FAULTS, SeededFault, _copy, hunt

pytestmark = pytest.mark.full


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_histories_find_a_seeded_fault(fault: SeededFault) -> None:
    found = hunt(fault)
    assert found.invariant, f"{found.count} histories did not see that {fault.name}"


def test_histories_find_nothing_in_the_code_as_it_is() -> None:
    found = hunt(None, limit=200)
    assert not found.invariant, found


def test_fault_that_does_not_apply_is_an_error() -> None:
    outdated = SeededFault("outdated", "deploy.py", "this is not there", "")
    with pytest.raises(ValueError, match="must hold this once"), _copy(outdated):
        pass
