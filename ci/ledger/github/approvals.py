"""Who approved of a release by opening its environment for a run of the deploy's workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ci.ledger.errors import RefusedError
from ci.ledger.github.client import Github
from ci.ledger.github.runs import Review, Run, read_reviews, read_run
from ci.settings import Settings

# How many environments may be chained before the one that is deployed to: NAME-approval-1 and so on.
CHAINED = range(1, 10)


@dataclass(frozen=True)
class Reviewed:
    """What a run's reviewers said about a version in an environment."""

    # When the run began: GitHub does not say when somebody reviewed, which was later.
    at: datetime
    # The people who approved, by their logins.
    people: Mapping[str, str]
    # A sentence for each approval that is nobody's or was taken back.
    others: tuple[str, ...] = ()


def workflow_of(environment: str) -> str:
    """Return the path of the workflow that deploys to an environment."""
    return f".github/workflows/deploy-{environment}.yml"


def title_of(environment: str, version: str) -> str:
    """Return what the deploy's workflow calls its run: what ties the reviewers' word to a version."""
    return f"Deploy {version} to {environment}"


def places_of(environment: str) -> frozenset[str]:
    """Name the environments of GitHub that stand for one of ours."""
    return frozenset([environment, *(f"{environment}-approval-{number}" for number in CHAINED)])


async def reviewed(github: Github, settings: Settings, environment: str, version: str, run: str) -> Reviewed:
    """Read who approved of a version by a run.

    Raises:
        GithubError: GitHub cannot be asked, or there is no such run.
        RefusedError: It is no run of the workflow that deploys this version there.
    """
    repository = settings.github.repository
    found = await read_run(github, repository, run)
    for what, is_so, should in _expected(settings, environment, version, found):
        if is_so != should:
            raise RefusedError(f"{environment}: GitHub's run {run} does not count: its {what} is {is_so}, not {should}")
    places = places_of(environment)
    reviews = [review for review in await read_reviews(github, repository, run) if review.is_about(places)]
    return Reviewed(found.created_at, *_counted(settings, environment, reviews))


def _expected(settings: Settings, environment: str, version: str, run: Run) -> Sequence[tuple[str, str, str]]:
    return (
        ("event", run.event, "workflow_dispatch"),
        ("workflow", run.workflow, workflow_of(environment)),
        ("branch", run.head_branch or "none", settings.github.branch),
        ("title", run.display_title, title_of(environment, version)),
    )


def _counted(
    settings: Settings, environment: str, reviews: Sequence[Review]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    people: dict[str, str] = {}
    others: dict[str, str] = {}
    rejected = {review.user.login for review in reviews if review.user and review.state == "rejected"}
    for login in (review.user.login for review in reviews if review.user and review.state == "approved"):
        person = known_as_login(settings, login)
        if login in rejected:
            others[login] = f"{environment}: {login} rejected this run on GitHub, too: start another one"
        elif not person:
            others[login] = f'{environment}: {login} approved on GitHub, but is nobody\'s `github = "…"` under [people]'
        else:
            people[login] = person
    return people, tuple(others.values())


def known_as_login(settings: Settings, login: str) -> str:
    """Name the person whose GitHub login this is; empty: nobody's. A name or an e-mail is no login."""
    wanted = login.casefold()
    return next((name for name, person in settings.people.items() if person.github.casefold() == wanted), "")
