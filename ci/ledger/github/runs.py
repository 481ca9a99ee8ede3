"""A workflow's run and its reviews in GitHub's API."""

from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from ci.ledger.github.client import Github
from ci.ledger.github.errors import GithubError

T = TypeVar("T")


class GithubObject(BaseModel):
    """An object of the API; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True)


# Of a run that has not ended; `waiting`: for a reviewer.
RUNNING = frozenset(["requested", "queued", "pending", "waiting", "in_progress"])


class Run(GithubObject):
    """A run of a workflow."""

    event: str
    # The workflow's path, sometimes followed by @ and a ref.
    path: str
    head_branch: str | None
    # The workflow's `run-name` with the run's inputs.
    display_title: str
    created_at: AwareDatetime
    # `completed` with a conclusion, or another status without one: https://docs.github.com/en/rest/actions/workflow-runs.
    status: str | None
    conclusion: str | None

    @property
    def workflow(self) -> str:
        """The path of the workflow."""
        return self.path.partition("@")[0]

    @property
    def failure(self) -> str:
        """Why the run did not end well, in GitHub's words; empty: it did, or it has not ended."""
        if self.status == "completed":
            return "" if self.conclusion == "success" else self.conclusion or self.status
        return self.conclusion or ("" if self.status in RUNNING else self.status or "without a status")


class User(GithubObject):
    """A reviewer."""

    login: str


class GithubEnvironment(GithubObject):
    """An environment of the repository's settings."""

    name: str


def _or_empty(value: object) -> object:
    return "" if value is None else value


class Review(GithubObject):
    """A review of environments that a run waited for."""

    state: str
    # None: the account is gone.
    user: User | None
    environments: tuple[GithubEnvironment, ...]
    comment: Annotated[str, BeforeValidator(_or_empty)] = ""

    def is_about(self, names: frozenset[str]) -> bool:
        """Return whether the review is about one of these environments."""
        return any(environment.name in names for environment in self.environments)


_run, _reviews = TypeAdapter(Run), TypeAdapter(tuple[Review, ...])


async def read_run(github: Github, repository: str, run: str) -> Run:
    """Return a run.

    Raises:
        GithubError: GitHub does not answer, or there is no such run.
    """
    path = f"/repos/{repository}/actions/runs/{run}"
    return _parse(_run, await github.get(path), github.where + path)


async def read_reviews(github: Github, repository: str, run: str) -> tuple[Review, ...]:
    """Return a run's reviews.

    Raises:
        GithubError: GitHub does not answer, or there is no such run.
    """
    path = f"/repos/{repository}/actions/runs/{run}/approvals"
    return _parse(_reviews, await github.pages(path), github.where + path)


def _parse(adapter: TypeAdapter[T], content: object, where: str) -> T:
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        what = error.errors(include_url=False)[0]
        field = ".".join(map(str, what["loc"]))
        raise GithubError(f"{where}: the answer is not in GitHub's format: {field}: {what['msg']}") from error
