"""Policy at the moments that count: before the lock, under it, and directly before the switch."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ci.delivery.request import DeliveryRequest
from ci.ledger.errors import RefusedError
from ci.ledger.github import consulted
from ci.ledger.history import History
from ci.ledger.policy import Admission, Wanted, admission
from ci.ledger.protocol import Admit, GithubAccess
from ci.ledger.records import ANONYMOUS
from ci.ledger.store.store import Ledger
from ci.settings import Settings


@dataclass(frozen=True)
class Policy:
    """What policy looks at: the rules, the ledger, and GitHub where approvals come from there."""

    settings: Settings
    ledger: Ledger
    # The file that holds GitHub's token, and the run whose reviewers approved; empty: GitHub is not asked.
    github_token: str = ""
    github_run: str = ""

    async def check(self, request: DeliveryRequest) -> tuple[Admission, History]:
        """Read the ledger and decide; returns the decision and the history that it rests on.

        Raises:
            RefusedError: Policy does not allow the delivery; it holds every reason.
        """
        asking = Admit(
            settings=self.settings,
            github=GithubAccess(token_file=self.github_token, run=self.github_run),
            **request.model_dump(exclude={"patience"}),
        )
        history, others = await consulted(self.ledger, await self.ledger.read(), asking)
        wanted = Wanted(
            actor=await self.ledger.signatures.me() or ANONYMOUS,
            signed=self.ledger.signatures.can_sign,
            now=datetime.now(UTC),
            **request.model_dump(exclude={"patience"}),
        )
        decision = admission(self.settings, history, wanted)
        if decision.refusals:
            raise RefusedError(*decision.refusals, *others)
        return decision, history
