"""The plan of a repository's protection on GitHub, made from pipeline.toml alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ci.settings import Environment, Settings, people_with_role

# GitHub's limit of reviewers.
MOST_REVIEWERS = 6
# The job of ci.yml that a pull request must pass.
CHECK = "check"


@dataclass(frozen=True)
class EnvironmentPlan:
    """An environment in the repository's settings."""

    name: str
    # One of these logins must open the environment; empty: nothing has to be opened.
    reviewers: tuple[str, ...] = ()
    # Whether the person who starts a run may open it.
    self_review: bool = True
    # People who could review, but have no login, or exceed the limit.
    left_out: tuple[str, ...] = ()

    def describe(self, branch: str) -> str:
        """Describe the environment on one line."""
        who = f"one of {', '.join(self.reviewers)} opens it" if self.reviewers else "needs no review"
        not_own = "" if self.self_review or not self.reviewers else ", but not the person who started the run"
        without = f" (left out: {', '.join(self.left_out)})" if self.left_out else ""
        return f"environment {self.name}: runs of {branch} only; {who}{not_own}{without}"


@dataclass(frozen=True)
class Protection:
    """A branch's protection: the fields of GitHub's API that this plan sets."""

    branch: str
    checks: tuple[str, ...] = (CHECK,)
    approvals: int = 1

    @property
    def body(self) -> dict[str, Any]:
        """The body of GitHub's request."""
        return {
            "required_status_checks": {"strict": True, "contexts": list(self.checks)},
            "enforce_admins": True,
            "required_pull_request_reviews": {
                "required_approving_review_count": self.approvals,
                "dismiss_stale_reviews": True,
            },
            "restrictions": None,
            "allow_force_pushes": False,
            "allow_deletions": False,
        }

    @property
    def description(self) -> str:
        """The protection on one line."""
        what = f"pull requests that passed {', '.join(self.checks)} and that another person approved"
        return f"branch {self.branch}: changed by {what}; no force pushes"


@dataclass(frozen=True)
class RepositoryPlan:
    """The whole plan."""

    environments: tuple[EnvironmentPlan, ...]
    protection: Protection

    @property
    def branch(self) -> str:
        """The branch of the workflows that deploy."""
        return self.protection.branch

    @property
    def lines(self) -> tuple[str, ...]:
        """The plan, a line each."""
        return (*(environment.describe(self.branch) for environment in self.environments), self.protection.description)


def plan_repository(settings: Settings) -> RepositoryPlan:
    """Plan GitHub's environments and the branch's protection."""
    plans = [
        plan for name, found in settings.environments.items() for plan in _plan_environments(settings, name, found)
    ]
    return RepositoryPlan(tuple(plans), Protection(settings.github.branch))


def _plan_environments(settings: Settings, name: str, environment: Environment) -> Iterator[EnvironmentPlan]:
    rules = environment.approvals
    # One reviewer opens an environment. Where several must approve, each gets an environment before it.
    if rules.count > 1:
        needed = [[role] for role in rules.including]
        needed += [list(rules.roles)] * (rules.count - len(needed))
        for number, roles in enumerate(needed[: rules.count], 1):
            yield _plan_environment(settings, f"{name}-approval-{number}", roles, self_review=rules.by_author)
    own = list(rules.roles) if rules.count == 1 else []
    yield _plan_environment(settings, name, own, self_review=rules.by_author)


def _plan_environment(settings: Settings, name: str, roles: list[str], *, self_review: bool) -> EnvironmentPlan:
    people = people_with_role(settings.people, roles)
    logins = [settings.people[person].github for person in people if settings.people[person].github]
    without = [person for person in people if not settings.people[person].github]
    return EnvironmentPlan(
        name,
        tuple(logins[:MOST_REVIEWERS]),
        self_review=self_review,
        left_out=(*without, *logins[MOST_REVIEWERS:]),
    )
