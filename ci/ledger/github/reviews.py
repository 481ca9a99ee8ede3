"""The reviewers of a GitHub run: people who approve a release by opening its environment for the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ci.ledger.errors import RefusedError
from ci.ledger.github.client import Github
from ci.ledger.github.runs import Review, Run, read_reviews, read_run
from ci.settings import Settings

# How many environments may be chained before the one of the deploy: NAME-approval-1 and so on.
CHAINED = range(1, 10)


@dataclass(frozen=True)
class RunApprovals:
    """The approvals of a version in an environment by one run."""

    # When the run began: GitHub does not publish the time of a review, which was later.
    at: datetime
    # The people who approved, by their logins.
    people: Mapping[str, str]
    # A sentence for each approval of an unknown login, and for each that was withdrawn.
    others: tuple[str, ...] = ()


def workflow_path(environment: str) -> str:
    """Return the path of the workflow that deploys to an environment."""
    return f".github/workflows/deploy-{environment}.yml"


def run_title(environment: str, version: str) -> str:
    """Return the title of a deploy's run, which ties its reviews to a version."""
    return f"Deploy {version} to {environment}"


def github_environments(environment: str) -> frozenset[str]:
    """Return the names of GitHub's environments that belong to one of ours."""
    return frozenset([environment, *(f"{environment}-approval-{number}" for number in CHAINED)])


async def read_run_approvals(
    github: Github, settings: Settings, environment: str, version: str, run: str, *, also_failed: bool = False
) -> RunApprovals:
    """Read who approved a version by a run.

    Raises:
        GithubError: GitHub does not answer, or there is no such run.
        RefusedError: The run does not belong to the workflow that deploys this version there, or did not end well.
    """
    repository = settings.github.repository
    found = await read_run(github, repository, run)
    for what, actual, expected in _expected(settings, environment, version, found):
        if actual != expected:
            why = f"its {what} is {actual}, not {expected}"
            raise RefusedError(f"{environment}: GitHub's run {run} does not count: {why}")
    if found.failure and not also_failed:
        what = f"it ended as {found.failure}: start another one, and approve that"
        raise RefusedError(f"{environment}: GitHub's run {run} does not count: {what}")
    names = github_environments(environment)
    reviews = [review for review in await read_reviews(github, repository, run) if review.is_about(names)]
    return RunApprovals(found.created_at, *_match_people(settings, environment, reviews))


def person_with_login(settings: Settings, login: str) -> str:
    """Return the person with a GitHub login; empty: there is none. A name or an e-mail address is not a login."""
    wanted = login.casefold()
    return next((name for name, person in settings.people.items() if person.github.casefold() == wanted), "")


def _expected(settings: Settings, environment: str, version: str, run: Run) -> Sequence[tuple[str, str, str]]:
    return (
        ("event", run.event, "workflow_dispatch"),
        ("workflow", run.workflow, workflow_path(environment)),
        ("branch", run.head_branch or "none", settings.github.branch),
        ("title", run.display_title, run_title(environment, version)),
    )


def _match_people(
    settings: Settings, environment: str, reviews: Sequence[Review]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    people: dict[str, str] = {}
    others: dict[str, str] = {}
    rejected = {review.user.login for review in reviews if review.user and review.state == "rejected"}
    for login in (review.user.login for review in reviews if review.user and review.state == "approved"):
        person = person_with_login(settings, login)
        if login in rejected:
            others[login] = f"{environment}: {login} rejected this run on GitHub, too: start another one"
        elif not person:
            others[login] = f"{environment}: {login} approved on GitHub, but no person under [people] has this `github`"
        else:
            people[login] = person
    return people, tuple(others.values())
