"""A ledger of the test's own in a real registry, and people with real keys."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ci.ledger import protocol as p
from ci.ledger.handling import opened
from ci.ledger.store.store import Ledger
from ci.settings import Settings
from tests.ledger.desk import PEOPLE, SETTINGS, Desk, new_key


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A private key each: of the people, and of a stranger whom nobody knows."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: new_key(folder / name) for name in (*PEOPLE, "stranger")}


@pytest.fixture(scope="session")
def allowed_signers(keys: dict[str, Path]) -> str:
    """The file that says whose key is whose."""
    lines = [f'{name} namespaces="slipway" {keys[name].with_suffix(".pub").read_text()}' for name in PEOPLE]
    return "".join(lines)


@pytest.fixture
def desk(keys: dict[str, Path], allowed_signers: str, tmp_path: Path) -> Desk:
    """A desk at a ledger that is still empty, with a cache."""
    settings = Settings.parse(SETTINGS.format(name="orders", repository=uuid.uuid4().hex))
    return Desk(settings, keys, allowed_signers, access=p.Access(cache=str(tmp_path / "cache")))


@pytest.fixture
async def ledger(desk: Desk) -> AsyncIterator[Ledger]:
    """The ledger of the desk, open for the lead, without a cache."""
    desk.access = p.Access()
    async with opened(desk.request(p.Read, "lead", view="history")) as found:
        yield found
