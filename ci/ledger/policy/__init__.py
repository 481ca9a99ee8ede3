"""The policy: may a release be delivered to an environment? Pure functions over the settings and the history."""

from ci.ledger.policy.approvals import author_names, valid_approvals
from ci.ledger.policy.case import Decision, DeliveryInput, PolicyInput, ValidApproval
from ci.ledger.policy.decision import decide
from ci.ledger.policy.denials import active_denials
from ci.ledger.policy.freeze_windows import active_windows
from ci.ledger.policy.verification import VerificationState, verification_states

__all__ = [
    "Decision",
    "DeliveryInput",
    "PolicyInput",
    "ValidApproval",
    "VerificationState",
    "active_denials",
    "active_windows",
    "author_names",
    "decide",
    "valid_approvals",
    "verification_states",
]
