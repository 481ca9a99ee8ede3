"""Policy at the moments that count: before the lock, under it, and directly before the switch."""

from dataclasses import dataclass

from ci.delivery.request import DeliveryRequest
from ci.ledger.decisions import check_policy
from ci.ledger.github import GithubAccess
from ci.ledger.history import History
from ci.ledger.policy import Decision, DeliveryInput
from ci.ledger.store.store import Ledger
from ci.settings import Settings


@dataclass(frozen=True)
class Policy:
    """What policy looks at: the rules, the ledger, and GitHub where approvals come from there."""

    settings: Settings
    ledger: Ledger
    # The file that holds GitHub's token, and the run whose reviewers approved; empty: GitHub is not read.
    github_token: str = ""
    github_run: str = ""

    async def check(self, request: DeliveryRequest) -> tuple[Decision, History]:
        """Read the ledger and decide; returns the decision and the history that it rests on.

        Raises:
            RefusedError: Policy does not allow the delivery; it holds every reason.
        """
        delivery = DeliveryInput(**request.model_dump(exclude={"patience", "keep_failed"}))
        github = GithubAccess(token_file=self.github_token, run=self.github_run)
        found = await check_policy(self.ledger, self.settings, delivery, github)
        return found.decision, found.history
