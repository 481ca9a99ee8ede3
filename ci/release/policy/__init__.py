"""Whether a release may go where somebody wants it: pure functions over the settings and the ledger's history."""

from ci.release.policy.admission import admission
from ci.release.policy.approvals import approvals_for, author_names
from ci.release.policy.case import Admission, Given, Wanted
from ci.release.policy.denials import standing_denials
from ci.release.policy.freezes import active_freezes
from ci.release.policy.standing import Standing, standings

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
