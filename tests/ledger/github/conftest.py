"""A repository on a server like GitHub, and a desk whose settings name it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci.ledger import protocol as p
from ci.settings import Settings
from tests.ledger.desk import SETTINGS, Desk
from tests.ledger.github.hub import TOKEN, Hub, served

LOGINS = ['people.lead.github="lead-login"', 'people.stakeholder.github="Stakeholder-Login"']
AUTHOR = ['people.author.github="author-login"', 'people.author.roles=["developer","lead"]']


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Return a server with a repository in which nothing was set up yet."""
    hub = Hub(users={"lead-login": 11, "Stakeholder-Login": 12, "author-login": 13})
    with served(hub):
        yield hub


@pytest.fixture
def github(hub: Hub, desk: Desk) -> Desk:
    """Return a desk whose people have logins, and whose repository is the server's."""
    name = desk.settings.registry.repository.rpartition("/")[2]
    overrides = [*LOGINS, *AUTHOR, 'github.repository="team/orders"', f'github.api="{hub.api}"']
    desk.settings = Settings.parse(SETTINGS.format(name="orders", repository=name), overrides)
    return desk


@pytest.fixture
def token(tmp_path: Path) -> str:
    """Return the file that holds the token."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return str(file)


@pytest.fixture
def access(token: str) -> Any:
    """Return a request's way to GitHub, for a run."""
    return lambda run="": p.GithubAccess(token_file=token, run=run)
