"""What can be asked of a target, one phase at a time."""

from typing import Literal

from pydantic import Field

from ci.targets.protocol.messages import Message, Request


class Preflight(Request):
    """Can a deploy work at all? Changes nothing."""

    phase: Literal["preflight"] = "preflight"
    # The image that will be deployed, where it is known already.
    image: str = ""


class Push(Request):
    """Bring an image from a tarball in the step into a registry, through the target's daemon."""

    phase: Literal["push"] = "push"
    tarball: str
    repository: str
    tag: str


class Lock(Request):
    """Keep everybody else out, as a person does for a freeze; what a killed run left is finished or undone first."""

    phase: Literal["lock"] = "lock"
    holder: str
    reason: str
    # How long the lock holds by itself, in seconds; None: longer than a deploy's time-outs together.
    seconds: float | None = None


class Unlock(Request):
    """Let the next one in; without a token, whoever holds the lock."""

    phase: Literal["unlock"] = "unlock"
    token: str = ""
    # Also when whoever holds it is at work this very moment: that run stops, and the next one puts right what it left.
    force: bool = False


class Candidate(Request):
    """Start a release beside the one that serves, and wait until every replica is healthy."""

    phase: Literal["candidate"] = "candidate"
    # By digest: `repository@sha256:…`.
    image: str
    version: str


class Proof(Message):
    """A command for a one-off container on the stack's network, which is told the release's address as BASE_URL."""

    # An image that the target has or can pull; empty: the one in `tarball`, a file in the step.
    image: str = ""
    tarball: str = ""
    command: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    # Paths in the container that are brought back when the command ends, as text.
    files: tuple[str, ...] = ()
    timeout: float = 300


class Prove(Request, Proof):
    """Run a proof against a release."""

    phase: Literal["prove"] = "prove"
    # Empty: what serves now, through the edge.
    release: str = ""


class Delivery(Request):
    """An image to bring into service in one run, by somebody who holds the lock meanwhile."""

    # By digest: `repository@sha256:…`.
    image: str
    version: str
    holder: str
    # None: being healthy is all the proof that is asked for.
    proof: Proof | None = None
    # How long somebody else's deploy is waited for, in seconds; a person's lock is not waited for.
    patience: float = 30


class Deploy(Delivery):
    """Do all of it in one run: lock, recover, preflight, candidate, prove, switch, watch, retire, unlock."""

    phase: Literal["deploy"] = "deploy"


class Rollback(Delivery):
    """Let an image serve again: while its release is kept, by a switch of the edge alone, else as a deploy does."""

    phase: Literal["rollback"] = "rollback"


class Switch(Request):
    """Let a healthy release serve the users."""

    phase: Literal["switch"] = "switch"
    release: str


class Watch(Request):
    """Watch the edge's metrics for the environment's window, with traffic of our own where users send too little."""

    phase: Literal["watch"] = "watch"
    # In seconds; None: the environment's.
    window: float | None = None


class Metrics(Request):
    """Read the edge's request metrics, as they are now."""

    phase: Literal["metrics"] = "metrics"


class Retire(Request):
    """End a deploy that went well: the release before stays for `keep_previous`, older ones go."""

    phase: Literal["retire"] = "retire"


class SwitchBack(Request):
    """Let the release before serve again, and remove the one that failed."""

    phase: Literal["switch-back"] = "switch-back"


class Discard(Request):
    """Remove a candidate that failed, which never served."""

    phase: Literal["discard"] = "discard"
    release: str


class Recover(Request):
    """Finish or undo what a killed run left behind."""

    phase: Literal["recover"] = "recover"


class State(Request):
    """Tell what is there. Changes nothing."""

    phase: Literal["state"] = "state"


class PutSecret(Request):
    """Set or rotate a secret; the next deploy, of the same digest too, is a release that reads the new value."""

    phase: Literal["put-secret"] = "put-secret"
    name: str
    # A file in the step; what it holds is the value, to the last byte.
    value_file: str


class ListSecrets(Request):
    """Tell which secrets are there, since when, and who reads them: never a value. Changes nothing."""

    phase: Literal["list-secrets"] = "list-secrets"


class Remove(Request):
    """Remove the whole stack, its data too."""

    phase: Literal["remove"] = "remove"
