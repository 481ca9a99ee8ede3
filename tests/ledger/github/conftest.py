"""A fake of GitHub, and a workspace whose settings name its repository."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci.ledger.github import GithubAccess
from ci.settings import Settings
from tests.ledger.github.fake_github import TOKEN, FakeGithub, served
from tests.ledger.workspace import SETTINGS, Workspace

LOGINS = ['people.lead.github="lead-login"', 'people.stakeholder.github="Stakeholder-Login"']
AUTHOR = ['people.author.github="author-login"', 'people.author.roles=["developer","lead"]']


@pytest.fixture
def fake() -> Iterator[FakeGithub]:
    """Return a fake with a repository that is not set up yet."""
    fake = FakeGithub(users={"lead-login": 11, "Stakeholder-Login": 12, "author-login": 13})
    with served(fake):
        yield fake


@pytest.fixture
def github(fake: FakeGithub, workspace: Workspace) -> Workspace:
    """Return a workspace whose people have logins, and whose repository is the fake's."""
    name = workspace.settings.registry.repository.rpartition("/")[2]
    overrides = [*LOGINS, *AUTHOR, 'github.repository="team/orders"', f'github.api="{fake.api}"']
    workspace.settings = Settings.parse(SETTINGS.format(name="orders", repository=name), overrides)
    return workspace


@pytest.fixture
def token(tmp_path: Path) -> str:
    """Return the file that holds the token."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return str(file)


@pytest.fixture
def access(token: str) -> Any:
    """Return a function that makes the access to GitHub for a run."""
    return lambda run="": GithubAccess(token_file=token, run=run)
