"""What can be asked of a target and what it answers.

One request is one run of `python -m ci.targets`: its JSON on standard input, its outcome as one line of JSON on
standard output, progress on standard error. Bad news (`ok` is false) still exits 0; a crash does not.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter

from ci.settings import Host
from ci.targets.protocol.delivered import Deployed, Stage, StageResult, Status
from ci.targets.protocol.messages import Access, Message, Outcome, RegistryLogin, Request, Stack
from ci.targets.protocol.outcomes import (
    Check,
    Checked,
    Discarded,
    Failed,
    Locked,
    Measured,
    Proved,
    Pushed,
    Recovered,
    Removed,
    Retired,
    Started,
    Switched,
    Unlocked,
    Watched,
)
from ci.targets.protocol.provisioning import Prepared, Provision, Provisioned
from ci.targets.protocol.requests import (
    Candidate,
    Delivery,
    Deploy,
    Discard,
    ListSecrets,
    Lock,
    Metrics,
    Preflight,
    Proof,
    Prove,
    Push,
    PutSecret,
    Recover,
    Remove,
    Retire,
    Rollback,
    State,
    Switch,
    SwitchBack,
    Unlock,
    Watch,
)
from ci.targets.protocol.states import (
    Described,
    LockState,
    ReleaseState,
    SecretPut,
    SecretsListed,
    SecretState,
    SecretVersion,
    Served,
)

AnyRequest = Annotated[
    Preflight
    | Push
    | Lock
    | Unlock
    | Candidate
    | Prove
    | Deploy
    | Rollback
    | Switch
    | Watch
    | Metrics
    | Retire
    | SwitchBack
    | Discard
    | Recover
    | State
    | PutSecret
    | ListSecrets
    | Remove
    | Provision,
    Field(discriminator="phase"),
]

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
    | SecretPut
    | SecretsListed
    | Removed
    | Provisioned,
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


__all__ = [
    "Access",
    "AnyOutcome",
    "AnyRequest",
    "Candidate",
    "Check",
    "Checked",
    "Delivery",
    "Deploy",
    "Deployed",
    "Described",
    "Discard",
    "Discarded",
    "Failed",
    "Host",
    "ListSecrets",
    "Lock",
    "LockState",
    "Locked",
    "Measured",
    "Message",
    "Metrics",
    "Outcome",
    "Preflight",
    "Prepared",
    "Proof",
    "Prove",
    "Proved",
    "Provision",
    "Provisioned",
    "Push",
    "Pushed",
    "PutSecret",
    "Recover",
    "Recovered",
    "RegistryLogin",
    "ReleaseState",
    "Remove",
    "Removed",
    "Request",
    "Retire",
    "Retired",
    "Rollback",
    "SecretPut",
    "SecretState",
    "SecretVersion",
    "SecretsListed",
    "Served",
    "Stack",
    "Stage",
    "StageResult",
    "Started",
    "State",
    "Status",
    "Switch",
    "SwitchBack",
    "Switched",
    "Unlock",
    "Unlocked",
    "Watch",
    "Watched",
    "read_outcome",
    "read_request",
]
