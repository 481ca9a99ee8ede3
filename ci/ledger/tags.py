"""The tags in a service's repository: one for each version, and the names that are reserved for everything else."""

import re
from collections.abc import Mapping

from ci.ledger.errors import RefusedError

RECORDS = "ledger-"
# The test image of `1.4.2` is `tests-1.4.2`.
TESTS = "tests-"
AGENTS = "agent-"
# An image whose own tag was taken.
REBUILT = "rebuilt-"
RESERVED: Mapping[str, str] = {
    RECORDS: "records of the ledger",
    TESTS: "test images",
    AGENTS: "images of the agent",
    REBUILT: "images whose own tag was taken",
}
# The longest tag of a registry, without the prefix of the test image:
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests.
LONGEST = 128 - len(TESTS)
VERSION = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST - 1}}}")


def is_version(name: str) -> bool:
    """Return whether a name can be a version."""
    return not _explain_invalid(name)


def check_version(name: str) -> None:
    """Check that a name can be a version.

    Raises:
        RefusedError: The name cannot be a registry's tag, or is reserved.
    """
    if why := _explain_invalid(name):
        raise RefusedError(f"version {name}: {why}")


def _explain_invalid(name: str) -> str:
    if not VERSION.fullmatch(name):
        return f"must be at most {LONGEST} letters, digits, dots, hyphens and _, like 1.4.2"
    reserved = next((prefix for prefix in RESERVED if name.lower().startswith(prefix)), "")
    return f"{reserved}… is reserved for {RESERVED[reserved]}: choose another name, like 1.4.2" if reserved else ""
