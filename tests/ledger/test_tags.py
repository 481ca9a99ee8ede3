"""The names that a version may have."""

import pytest

from ci.ledger.errors import RefusedError
from ci.ledger.tags import check_version, is_version
from tests.ledger.workspace import Workspace, refusal


@pytest.mark.parametrize("name", ["1.4.2", "v1", "dev-dirty-01234567", "_", "ledger", "testsuite-2", "a" * 122])
def test_name_of_a_version_is_allowed(name: str) -> None:
    check_version(name)
    assert is_version(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ledger-foo", "is reserved for records of the ledger"),
        ("ledger-20261125T100000000000Z-0123456789abcdef0123456789abcdef", "is reserved for records of the ledger"),
        ("Ledger-foo", "is reserved for records of the ledger"),
        ("tests-1.4.2", "is reserved for test images"),
        ("agent-0123456789abcdef0123456789abcdef", "is reserved for images of the agent"),
        ("rebuilt-0123456789ab", "is reserved for images whose own tag was taken"),
        ("", "must be at most 122 letters"),
        ("a b", "must be at most 122 letters"),
        ("1.4.2\n", "must be at most 122 letters"),
        ("-1", "must be at most 122 letters"),
        # Its test image has a longer tag.
        ("a" * 123, "must be at most 122 letters"),
    ],
)
def test_other_name_is_refused(name: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        check_version(name)
    assert not is_version(name)


def test_build_under_a_reserved_name_is_not_recorded(workspace: Workspace) -> None:
    assert "is reserved for records of the ledger" in refusal(lambda: workspace.build("ledger-foo"))
    assert workspace.read().entries == ()
