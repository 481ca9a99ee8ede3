"""A repository's present protection merged with the plan: settings that are not part of the plan stay."""

from collections.abc import Mapping
from typing import Any

from ci.ledger.github.plan import EnvironmentPlan, Protection

USER, TEAM = "User", "Team"
# Switches of a branch's protection that stay.
KEPT = ("required_linear_history", "required_conversation_resolution", "block_creations", "lock_branch")
KEPT_REVIEWS = ("require_code_owner_reviews", "require_last_push_approval")

Json = Mapping[str, Any]


def environment_body(present: Json) -> dict[str, Any]:
    """Return a present environment as the body of a request."""
    rules = {rule.get("type"): rule for rule in present.get("protection_rules", [])}
    review = rules.get("required_reviewers", {})
    reviewers = [{"type": one["type"], "id": one["reviewer"]["id"]} for one in review.get("reviewers", [])]
    return {
        "wait_timer": rules.get("wait_timer", {}).get("wait_timer", 0),
        "prevent_self_review": review.get("prevent_self_review", False),
        "reviewers": _sorted(reviewers),
        "deployment_branch_policy": present.get("deployment_branch_policy"),
    }


def merge_environment(present: Json, plan: EnvironmentPlan, ids: list[int]) -> dict[str, Any]:
    """Return an environment's planned body: its teams and its wait timer stay."""
    had = environment_body(present)
    teams = [reviewer for reviewer in had["reviewers"] if reviewer["type"] == TEAM]
    reviewers = [*({"type": USER, "id": number} for number in ids), *teams]
    return {
        "wait_timer": had["wait_timer"],
        "prevent_self_review": bool(reviewers) and not plan.self_review,
        "reviewers": _sorted(reviewers),
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }


def protects(present: Json, protection: Protection) -> bool:
    """Return whether a branch has at least the planned protection."""
    checks, reviews = _part(present, "required_status_checks"), _part(present, "required_pull_request_reviews")
    return bool(
        checks.get("strict")
        and set(protection.checks) <= set(checks.get("contexts", []))
        and reviews.get("required_approving_review_count", 0) >= protection.approvals
        and reviews.get("dismiss_stale_reviews")
        and _is_on(present, "enforce_admins")
        and not _is_on(present, "allow_force_pushes")
        and not _is_on(present, "allow_deletions")
    )


def merge_protection(present: Json, protection: Protection) -> dict[str, Any]:
    """Return a branch's planned body: stricter settings stay."""
    body = protection.body
    checks, reviews = _part(present, "required_status_checks"), _part(present, "required_pull_request_reviews")
    body["required_status_checks"]["contexts"] = sorted({*protection.checks, *checks.get("contexts", [])})
    wanted = body["required_pull_request_reviews"]
    wanted["required_approving_review_count"] = max(
        protection.approvals, reviews.get("required_approving_review_count", 0)
    )
    wanted |= {name: reviews[name] for name in KEPT_REVIEWS if name in reviews}
    body["restrictions"] = _restrictions(_part(present, "restrictions"))
    return body | {name: _is_on(present, name) for name in KEPT if name in present}


def _restrictions(present: Json) -> dict[str, list[str]] | None:
    if not present:
        return None
    names = {"users": "login", "teams": "slug", "apps": "slug"}
    return {kind: [one[name] for one in present.get(kind, [])] for kind, name in names.items()}


def _part(present: Json, name: str) -> Json:
    part = present.get(name)
    return part if isinstance(part, Mapping) else {}


def _is_on(present: Json, name: str) -> bool:
    return bool(_part(present, name).get("enabled"))


def _sorted(reviewers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(reviewers, key=lambda reviewer: (reviewer["type"], reviewer["id"]))
