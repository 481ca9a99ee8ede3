"""How a repository on GitHub should be guarded, by pipeline.toml: nothing is asked or changed here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ci.settings import Environment, Settings, with_role

# GitHub takes no more reviewers than these.
MOST_REVIEWERS = 6
# The job of ci.yml that a pull request must pass.
CHECK = "check"


@dataclass(frozen=True)
class Place:
    """An environment of the repository's settings."""

    name: str
    # The logins of those of whom one opens it; none: nobody has to.
    reviewers: tuple[str, ...] = ()
    # Whether who starts a run may open it themselves.
    by_themselves: bool = True
    # People who could review and have no login, or are too many.
    left_out: tuple[str, ...] = ()

    def told(self, branch: str) -> str:
        """Tell of it on one line."""
        who = f"one of {', '.join(self.reviewers)} opens it" if self.reviewers else "nobody has to open it"
        themselves = "" if self.by_themselves or not self.reviewers else ", not who started the run"
        without = f" (left out: {', '.join(self.left_out)})" if self.left_out else ""
        return f"environment {self.name}: runs of {branch} only; {who}{themselves}{without}"


@dataclass(frozen=True)
class Protection:
    """What protects a branch: the fields of GitHub's API that are ours to say."""

    branch: str
    checks: tuple[str, ...] = (CHECK,)
    approvals: int = 1

    @property
    def body(self) -> dict[str, Any]:
        """What GitHub is told."""
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
    def told(self) -> str:
        """Tell of it on one line."""
        what = f"pull requests that passed {', '.join(self.checks)} and that somebody else approved"
        return f"branch {self.branch}: changed by {what}; no pushes by force"


@dataclass(frozen=True)
class Wanted:
    """All that is set up."""

    places: tuple[Place, ...]
    protection: Protection

    @property
    def branch(self) -> str:
        """The branch that deploys come from."""
        return self.protection.branch

    @property
    def lines(self) -> tuple[str, ...]:
        """Tell of everything."""
        return (*(place.told(self.branch) for place in self.places), self.protection.told)


def wanted(settings: Settings) -> Wanted:
    """Say what pipeline.toml makes of GitHub's environments."""
    places = [place for name, found in settings.environments.items() for place in _places(settings, name, found)]
    return Wanted(tuple(places), Protection(settings.github.branch))


def _places(settings: Settings, name: str, environment: Environment) -> Iterator[Place]:
    rules = environment.approvals
    # One reviewer opens an environment: where it takes more, each has an environment of their own before it.
    if rules.count > 1:
        needed = [[role] for role in rules.including]
        needed += [list(rules.roles)] * (rules.count - len(needed))
        for number, roles in enumerate(needed[: rules.count], 1):
            yield _place(settings, f"{name}-approval-{number}", roles, by_themselves=rules.by_author)
    own = list(rules.roles) if rules.count == 1 else []
    yield _place(settings, name, own, by_themselves=rules.by_author)


def _place(settings: Settings, name: str, roles: list[str], *, by_themselves: bool) -> Place:
    people = with_role(settings.people, roles)
    logins = [settings.people[person].github for person in people if settings.people[person].github]
    without = [person for person in people if not settings.people[person].github]
    return Place(
        name,
        tuple(logins[:MOST_REVIEWERS]),
        by_themselves=by_themselves,
        left_out=(*without, *logins[MOST_REVIEWERS:]),
    )
