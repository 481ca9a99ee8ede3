"""The input of the policy, its decision, and the case that every rule looks at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ci.frozen import FrozenModel
from ci.ledger.history import Entry, History
from ci.ledger.policy.verification import (
    Verification,
    VerificationState,
    replay,
    served_deliveries,
)
from ci.ledger.records import ANONYMOUS, Action, Build, DeliveryEnd, Record, Utc
from ci.settings import Environment, Settings, people_with_role


class DeliveryInput(FrozenModel):
    """The delivery that an actor wants to make."""

    environment: str
    # Empty: of a rollback the newest verified release before the current one, of a restore the newest one.
    version: str = ""
    action: Action = "deploy"
    # Why a freeze window does not stop the delivery; empty: it does.
    override: str = ""
    # Whether to roll back although the database's migrations make it unsafe.
    force: bool = False


class PolicyInput(DeliveryInput):
    """A delivery, its actor and the time."""

    # A person under `[people]`.
    actor: str = ANONYMOUS
    # Whether the actor has a valid key, which will sign the records.
    signed: bool = False
    now: Utc


class ValidApproval(FrozenModel):
    """An approval that counts."""

    person: str
    # The ID of its record.
    record: str
    source: Literal["key", "github"]
    expires: Utc


class Decision(FrozenModel):
    """The release that a delivery would bring, and every refusal; without one the delivery is allowed."""

    environment: str
    action: Action
    version: str
    # `repository@sha256:…`; image and digest are empty where there is no such release.
    image: str = ""
    digest: str = ""
    # The current release; empty: none.
    current_version: str = ""
    current_digest: str = ""
    features: tuple[str, ...] | Literal["all"] = ()
    approvals: tuple[ValidApproval, ...] = ()
    # Whether the release was verified in this environment before.
    verified: bool = False
    # Why a freeze window does not stop the delivery; empty: there is none.
    override: str = ""
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether no rule refuses the delivery."""
        return not self.refusals


@dataclass(frozen=True)
class ResolvedVersion:
    """A version and its one image."""

    version: str
    image: str
    # None: only deliveries of the version are recorded.
    build: Build | None

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:…`."""
        return self.image.partition("@")[2]


@dataclass(frozen=True)
class RuleResult:
    """A sentence of a rule: a refusal, or a warning."""

    sentence: str
    refuses: bool = True


RuleResults = Iterator[RuleResult]
# The functions whose result a person always signs, and those that are signed where only signed records count.
STATEMENTS = ("approve", "deny", "lift")
DELIVERIES = ("deploy", "rollback", "restore")


@dataclass(frozen=True)
class Case:
    """The settings, the history and the input."""

    settings: Settings
    history: History
    input: PolicyInput
    # By environment: several rules need the same replay.
    _replays: dict[str, Verification] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.input.environment

    @property
    def environment(self) -> Environment:
        """The environment's settings."""
        return self.settings.environment(self.name)

    @property
    def current_digest(self) -> str:
        """The current release's digest; empty: nothing serves."""
        entry = self.history.current(self.name)
        return entry.record.digest if entry else ""

    @property
    def required_environment(self) -> str:
        """The environment in which a release must be verified first; empty: none."""
        names = list(self.settings.environments)
        index = names.index(self.name)
        return names[index - 1] if index and self.environment.kind != "dev" else ""

    def trusts(self, entry: Entry[Record], where: str) -> bool:
        """Return whether a good result in an environment counts here: its signer may deploy there."""
        return not self.environment.signed or may_deploy(self.settings, where, entry.signer)

    def verification(self, where: str) -> Verification:
        """Return how the deliveries to an environment ended, as far as they count here."""
        if where not in self._replays:
            self._replays[where] = replay(self.history, where, lambda entry: self.trusts(entry, where))
        return self._replays[where]

    def states(self, where: str) -> Mapping[str, VerificationState]:
        """Return the state of every digest in an environment."""
        return self.verification(where).states

    def served(self, where: str) -> tuple[Entry[DeliveryEnd], ...]:
        """Return the trusted deliveries after which their release served, oldest first."""
        return served_deliveries(self.history, where, lambda entry: self.trusts(entry, where))

    def command(self, function: str, *, env: str = "", version: str = "", extra: str = "") -> str:
        """Write a command for people to type."""
        where = self.settings.environment(env or self.name)
        strict = function in DELIVERIES and (where.signed or self.environment.signed)
        signs = function in STATEMENTS or strict
        parts = ["ci call", function, f"--env {env or self.name}", f"--version {version}" if version else ""]
        return f"`{' '.join(filter(None, [*parts, extra, '--key …' if signs else '']))}`"


def may_deploy(settings: Settings, environment: str, person: str) -> bool:
    """Return whether a person may deploy to an environment."""
    deployers = settings.environment(environment).deployers
    return person in (people_with_role(settings.people, deployers) if deployers else settings.people)


def join_or(names: Sequence[str]) -> str:
    """Join names as alternatives: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def describe_roles(roles: Sequence[str]) -> str:
    """Write `the role lead or stakeholder`."""
    return f"the role {join_or(roles)}"


def describe_helpers(settings: Settings, roles: Sequence[str]) -> str:
    """Name the people who have a role, or explain how to give it to one."""
    people = people_with_role(settings.people, roles)
    if people:
        return f"{join_or(people)} could help"
    return f'no person has it: add it to one under [people] in pipeline.toml, like roles = ["{roles[0]}"]'
