"""Whether a release may go where somebody wants it: pure functions over the settings and the ledger's history."""

from ci.ledger.policy.admission import admission
from ci.ledger.policy.approvals import approvals_for, author_names
from ci.ledger.policy.case import Admission, Given, Wanted
from ci.ledger.policy.denials import standing_denials
from ci.ledger.policy.freezes import active_freezes
from ci.ledger.policy.standing import Standing, standings

__all__ = [
    "Admission",
    "Given",
    "Standing",
    "Wanted",
    "active_freezes",
    "admission",
    "approvals_for",
    "author_names",
    "standing_denials",
    "standings",
]
