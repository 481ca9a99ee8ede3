"""The errors of targets.

TargetError
├── UnreachableError        nothing answers, or another host answers
├── DaemonError             the Docker daemon or a registry refuses a call
│   ├── NotFoundError       the object does not exist
│   └── ConflictError       the name is taken, or the object is in use
├── OwnedByOtherError       the object belongs to another app or environment
├── NotReadyError           the target lacks something that a delivery needs
├── LockedError             another run holds the lock
│   └── LockedByPersonError a person holds the lock
└── TimedOutError           the work took longer than its time budget
"""

from typing import Literal

Reason = Literal["unreachable", "refused", "missing", "locked", "timeout"]


class TargetError(Exception):
    """The target cannot do the work; the message names the place, the problem and the next step."""

    reason: Reason = "refused"


class UnreachableError(TargetError):
    """Nothing answers, or another host answers."""

    reason = "unreachable"


class DaemonError(TargetError):
    """The Docker daemon or a registry refuses a call."""


class NotFoundError(DaemonError):
    """The object does not exist."""

    reason = "missing"


class ConflictError(DaemonError):
    """The name is taken, or the object is in use."""


class OwnedByOtherError(TargetError):
    """The object belongs to another app or environment."""


class NotReadyError(TargetError):
    """The target lacks something that a delivery needs."""

    reason = "missing"


class LockedError(TargetError):
    """Another run holds the lock."""

    reason = "locked"


class LockedByPersonError(LockedError):
    """A person holds the lock: a run does not wait for a person."""


class TimedOutError(TargetError):
    """The work took longer than its time budget."""

    reason = "timeout"
