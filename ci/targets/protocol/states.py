"""What is on a target: releases, the lock, secrets."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ci.targets.protocol.messages import Message, Outcome


class Served(Message):
    """A release that serves or served; all empty: none does or did."""

    release: str = ""
    version: str = ""
    # By digest: `repository@sha256:…`.
    image: str = ""

    @property
    def digest(self) -> str:
        """The image's digest alone; empty where there is none."""
        return self.image.partition("@")[2]


class ReleaseState(Message):
    """One release on the target."""

    name: str
    image: str
    version: str
    role: Literal["serving", "previous", "candidate"]
    replicas: int
    healthy: int
    # ISO 8601, UTC.
    created: str


class LockState(Message):
    """Who keeps everybody else out."""

    who: str
    why: str
    since: datetime
    until: datetime
    # A person's freeze; else a run, which gives signs of life.
    freeze: bool
    # Whether the next run has to wait: its time is not over, and a run that promised signs of life gives them.
    holds: bool


class Described(Outcome):
    """What is there; `ok` is false when what serves is not wholly healthy."""

    outcome: Literal["described"] = "described"
    address: str
    serving: str = ""
    since: str = ""
    # Who let it serve by hand, with scripts/rollback.sh; empty: this program did.
    by_hand: str = ""
    # What serves, and what did before and is kept: the way back.
    now: Served = Served()
    previous: Served = Served()
    # Of what serves: how many replicas are wanted, and how many are healthy.
    replicas: int = 0
    healthy: int = 0
    releases: tuple[ReleaseState, ...] = ()
    # The other services of the stack, by name: how many of their replicas run.
    services: dict[str, int] = Field(default_factory=dict)
    # What a run is about to change, or was when it was killed; in words.
    intent: str = ""
    # The same as `locked`, in words; empty: nobody holds it.
    lock: str = ""
    locked: LockState | None = None


class SecretVersion(Message):
    """One value that a secret has or had."""

    version: int
    # ISO 8601, UTC.
    since: str
    # The releases that read it.
    releases: tuple[str, ...] = ()


class SecretState(Message):
    """A secret of an environment."""

    name: str
    # Whether the settings name it: releases get only what they name.
    wanted: bool
    # The newest last; none: it was never set, and a deploy is refused.
    versions: tuple[SecretVersion, ...] = ()


class SecretsListed(Outcome):
    """The secrets; `ok` is false when one that the settings name was never set."""

    outcome: Literal["secrets"] = "secrets"
    secrets: tuple[SecretState, ...]


class SecretPut(Outcome):
    """The secret has a new value, which releases read from the next deploy on."""

    outcome: Literal["secret-put"] = "secret-put"
    name: str
    version: int
    # Older values that no release read any more, and that are gone.
    removed: tuple[int, ...] = ()
