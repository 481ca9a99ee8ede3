"""A run of a workflow and its reviews, as GitHub tells of them."""

from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from ci.ledger.github.client import Github
from ci.ledger.github.errors import GithubError

T = TypeVar("T")


class Told(BaseModel):
    """A part of an answer; what else it says is not needed."""

    model_config = ConfigDict(frozen=True)


class Run(Told):
    """A run: of which workflow, on which branch, under which title."""

    event: str
    # Of the workflow, sometimes with @ and a ref behind it.
    path: str
    head_branch: str | None
    # What `run-name` made of its inputs.
    display_title: str
    created_at: AwareDatetime

    @property
    def workflow(self) -> str:
        """The path of the workflow."""
        return self.path.partition("@")[0]


class User(Told):
    """Whoever reviewed."""

    login: str


class Place(Told):
    """An environment of the repository's settings."""

    name: str


def _or_empty(value: object) -> object:
    return "" if value is None else value


class Review(Told):
    """Somebody's word about environments that a run waited for."""

    state: str
    # None: the account is gone.
    user: User | None
    environments: tuple[Place, ...]
    comment: Annotated[str, BeforeValidator(_or_empty)] = ""

    def is_about(self, names: frozenset[str]) -> bool:
        """Tell whether it is about any of some environments."""
        return any(place.name in names for place in self.environments)


_run, _reviews = TypeAdapter(Run), TypeAdapter(tuple[Review, ...])


async def read_run(github: Github, repository: str, run: str) -> Run:
    """Return a run.

    Raises:
        GithubError: GitHub cannot be asked, or there is no such run.
    """
    path = f"/repos/{repository}/actions/runs/{run}"
    return _read(_run, await github.get(path), github.where + path)


async def read_reviews(github: Github, repository: str, run: str) -> tuple[Review, ...]:
    """Return what a run's reviewers said.

    Raises:
        GithubError: GitHub cannot be asked, or there is no such run.
    """
    path = f"/repos/{repository}/actions/runs/{run}/approvals"
    return _read(_reviews, await github.pages(path), github.where + path)


def _read(adapter: TypeAdapter[T], said: object, where: str) -> T:
    try:
        return adapter.validate_python(said)
    except ValidationError as error:
        what = error.errors(include_url=False)[0]
        place = ".".join(map(str, what["loc"]))
        raise GithubError(f"{where}: answers in another way than GitHub does: {place}: {what['msg']}") from error
