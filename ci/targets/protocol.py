"""What can be asked of a target and what it answers.

One request is one run of `python -m ci.targets`: its JSON on standard input, its outcome as one line of JSON on
standard output, progress on standard error. Bad news (`ok` is false) still exits 0; a crash does not.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ci.analysis import Verdict
from ci.settings import App, Environment, Images, Registry, Settings


class Message(BaseModel):
    """A part of a request or of an outcome."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Access(Message):
    """What opens the way to a target: paths inside the step that asks."""

    socket: str = "/var/run/docker.sock"
    # The private key for ssh://; empty: none is needed.
    key_file: str = ""


class RegistryLogin(Message):
    """Who pushes to and pulls from the registry; empty: nobody has to be named."""

    user: str = ""
    password_file: str = ""


class Stack(Message):
    """What is wanted: one environment of one app."""

    app: App
    name: str
    environment: Environment
    registry: Registry
    images: Images = Images()

    @classmethod
    def of(cls, settings: Settings, name: str) -> "Stack":
        """Take from the settings what a target has to know about one of their environments."""
        environment = settings.environment(name)
        return cls(
            app=settings.app, name=name, environment=environment, registry=settings.registry, images=settings.images
        )

    @property
    def namespace(self) -> str:
        """Name the stack, as `docker stack ls` shows it."""
        return f"{self.app.name}-{self.name}"


class Request(Message):
    """What every request says: of which stack, and how to get there."""

    stack: Stack
    access: Access = Access()
    login: RegistryLogin = RegistryLogin()


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
    """Keep everybody else out; what a killed run left behind is finished or undone first."""

    phase: Literal["lock"] = "lock"
    holder: str
    reason: str
    # How long the lock holds by itself, in seconds: longer than any deploy takes.
    seconds: float = 3600


class Unlock(Request):
    """Let the next one in; without a token, whoever holds the lock."""

    phase: Literal["unlock"] = "unlock"
    token: str = ""


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


class Deploy(Request):
    """Do all of it in one run: lock, recover, preflight, candidate, prove, switch, watch, retire, unlock."""

    phase: Literal["deploy"] = "deploy"
    # By digest: `repository@sha256:…`.
    image: str
    version: str
    holder: str
    # None: being healthy is all the proof that is asked for.
    proof: Proof | None = None
    # How long somebody else's lock is waited for, in seconds.
    patience: float = 30


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


class Remove(Request):
    """Remove the whole stack, its data too."""

    phase: Literal["remove"] = "remove"


AnyRequest = Annotated[
    Preflight
    | Push
    | Lock
    | Unlock
    | Candidate
    | Prove
    | Deploy
    | Switch
    | Watch
    | Metrics
    | Retire
    | SwitchBack
    | Discard
    | Recover
    | State
    | Remove,
    Field(discriminator="phase"),
]


class Outcome(Message):
    """What every outcome says: whether to go on, and one sentence for people."""

    ok: bool = True
    message: str


class Failed(Outcome):
    """The phase could not be carried out: the target cannot be reached, refuses, or lacks something."""

    outcome: Literal["failed"] = "failed"
    ok: Literal[False] = False
    reason: Literal["unreachable", "refused", "missing", "locked", "timeout"]


class Check(Message):
    """One thing that was looked at, and what to do when it is wrong."""

    name: str
    ok: bool
    detail: str


class Checked(Outcome):
    """What the preflight found."""

    outcome: Literal["checked"] = "checked"
    checks: tuple[Check, ...]


class Pushed(Outcome):
    """The image is in the registry."""

    outcome: Literal["pushed"] = "pushed"
    # `repository@sha256:…`
    image: str
    digest: str


class Locked(Outcome):
    """The lock is held; the token opens it."""

    outcome: Literal["locked"] = "locked"
    token: str
    # What was done about a killed run: "", "undone" or "finished".
    recovered: str = ""


class Unlocked(Outcome):
    """The lock is open."""

    outcome: Literal["unlocked"] = "unlocked"


class Started(Outcome):
    """What became of the candidate; it is gone when it is unhealthy."""

    outcome: Literal["started"] = "started"
    status: Literal["healthy", "unchanged", "unhealthy"]
    release: str
    # What serves the users meanwhile, if anything does.
    serving: str
    seconds: float
    # The last lines of the replicas that failed.
    logs: str = ""


class Proved(Outcome):
    """What the command said."""

    outcome: Literal["proved"] = "proved"
    status: Literal["passed", "failed", "timeout"]
    exit_code: int
    output: str
    seconds: float
    # Those of the asked-for files that are there, by path.
    files: dict[str, str] = Field(default_factory=dict)


class Switched(Outcome):
    """Which release serves now, and which did before."""

    outcome: Literal["switched"] = "switched"
    serving: str
    before: str
    # Where people reach it.
    address: str
    seconds: float


class Watched(Outcome):
    """The verdict; `ok` is false when it is `fail`."""

    outcome: Literal["watched"] = "watched"
    verdict: Verdict
    # How many of the requests were the pipeline's own.
    own_requests: int = 0


class Measured(Outcome):
    """The edge's metrics since it started, in Prometheus' text format, one text for each replica of the edge."""

    outcome: Literal["measured"] = "measured"
    texts: tuple[str, ...]


class Retired(Outcome):
    """Which release is kept, and which are gone."""

    outcome: Literal["retired"] = "retired"
    kept: str = ""
    removed: tuple[str, ...] = ()


class Discarded(Outcome):
    """The candidate is gone."""

    outcome: Literal["discarded"] = "discarded"


class Recovered(Outcome):
    """What was done about a killed run."""

    outcome: Literal["recovered"] = "recovered"
    action: Literal["nothing", "undone", "finished"]


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


class Described(Outcome):
    """What is there; `ok` is false when what serves is not wholly healthy."""

    outcome: Literal["described"] = "described"
    address: str
    serving: str = ""
    since: str = ""
    releases: tuple[ReleaseState, ...] = ()
    # The other services of the stack, by name: how many of their replicas run.
    services: dict[str, int] = Field(default_factory=dict)
    intent: str = ""
    lock: str = ""


class StageResult(Message):
    """How one stage of a deploy went."""

    name: Literal["lock", "preflight", "candidate", "prove", "discard", "switch", "watch", "switch-back", "retire"]
    ok: bool
    message: str
    seconds: float


class Deployed(Outcome):
    """What became of a deploy; `ok` is false when the release does not serve in the end.

    `inconclusive` serves, but too few requests came for a verdict.
    """

    outcome: Literal["deployed"] = "deployed"
    status: Literal["deployed", "unchanged", "inconclusive", "refused", "unhealthy", "unproven", "switched-back"]
    address: str
    # Empty: no candidate was started.
    release: str = ""
    stages: tuple[StageResult, ...]
    # The last lines of the replicas, where they are the reason.
    logs: str = ""
    proved: Proved | None = None
    verdict: Verdict | None = None


class Removed(Outcome):
    """The stack is gone."""

    outcome: Literal["removed"] = "removed"


AnyOutcome = Annotated[
    Failed
    | Checked
    | Pushed
    | Locked
    | Unlocked
    | Started
    | Proved
    | Switched
    | Watched
    | Measured
    | Retired
    | Discarded
    | Recovered
    | Described
    | Deployed
    | Removed,
    Field(discriminator="outcome"),
]

_requests: TypeAdapter[AnyRequest] = TypeAdapter(AnyRequest)
_outcomes: TypeAdapter[AnyOutcome] = TypeAdapter(AnyOutcome)


def read_request(text: str) -> AnyRequest:
    """Read a request's JSON."""
    return _requests.validate_json(text)


def read_outcome(text: str) -> AnyOutcome:
    """Read an outcome's JSON."""
    return _outcomes.validate_json(text)
