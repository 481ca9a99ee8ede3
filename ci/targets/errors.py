"""What can go wrong on the way to a target and on it.

TargetError
├── UnreachableError    nothing answers, or not the host that was expected
├── RefusedError        the daemon or a registry says no
│   ├── MissingError    what was asked for is not there
│   └── TakenError      the name is taken, or the object is in use
├── LackingError        the target is there but lacks something that a deploy needs
├── LockedError         somebody else is at work
│   └── FrozenError     somebody keeps everybody out until they say otherwise
└── SlowError           it took longer than allowed
"""

from typing import Literal

Reason = Literal["unreachable", "refused", "missing", "locked", "timeout"]


class TargetError(Exception):
    """A phase cannot be carried out; the message says where, what, and what to do next."""

    reason: Reason = "refused"


class UnreachableError(TargetError):
    """Nothing answers, or not the host that was expected."""

    reason = "unreachable"


class RefusedError(TargetError):
    """The daemon or a registry says no."""


class MissingError(RefusedError):
    """What was asked for is not there."""

    reason = "missing"


class TakenError(RefusedError):
    """The name is taken, or the object is in use."""


class LackingError(TargetError):
    """The target is there but lacks something that a deploy needs."""

    reason = "missing"


class LockedError(TargetError):
    """Somebody else is at work."""

    reason = "locked"


class FrozenError(LockedError):
    """Somebody keeps everybody out until they say otherwise: waiting is no use."""


class SlowError(TargetError):
    """It took longer than allowed."""

    reason = "timeout"
