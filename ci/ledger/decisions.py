"""The policy's decision about a delivery now: by the ledger, the actor's key, and GitHub where approvals are there."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ci.ledger.errors import RefusedError
from ci.ledger.github import GithubAccess, with_github_approvals
from ci.ledger.history import History
from ci.ledger.policy import Decision, DeliveryInput, PolicyInput, decide
from ci.ledger.records import ANONYMOUS
from ci.ledger.store.store import Ledger
from ci.settings import Settings


@dataclass(frozen=True)
class CurrentDecision:
    """A decision, the history that it rests on, and a sentence for each GitHub approval that does not count."""

    decision: Decision
    history: History
    others: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The refusals with the sentences that may explain them; empty: the delivery is allowed."""
        return (*self.decision.refusals, *self.others) if self.decision.refusals else ()


async def check_policy(
    ledger: Ledger, settings: Settings, delivery: DeliveryInput, github: GithubAccess | None = None
) -> CurrentDecision:
    """Read the ledger and return the decision that allows a delivery.

    Raises:
        RefusedError: Policy does not allow the delivery; the error holds every reason.
    """
    found = await decide_now(ledger, await ledger.read_existing(), settings, delivery, github)
    if found.reasons:
        raise RefusedError(*found.reasons)
    return found


async def decide_now(
    ledger: Ledger,
    history: History,
    settings: Settings,
    delivery: DeliveryInput,
    github: GithubAccess | None = None,
) -> CurrentDecision:
    """Decide about a delivery by this process's key at this time; refusals are part of the decision."""
    history, others = await with_github_approvals(ledger, history, settings, delivery, github or GithubAccess())
    wanted = PolicyInput(
        actor=await ledger.signatures.find_actor() or ANONYMOUS,
        signed=ledger.signatures.can_sign,
        now=datetime.now(UTC),
        **{name: getattr(delivery, name) for name in DeliveryInput.model_fields},
    )
    return CurrentDecision(decide(settings, history, wanted), history, others)
