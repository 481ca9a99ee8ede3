"""An empty ledger in a real registry, and people with real keys."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ci.ledger.store.connection import RegistryAccess
from ci.ledger.store.store import Ledger
from ci.settings import Settings
from tests.ledger.workspace import PEOPLE, SETTINGS, Workspace, new_key


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the private keys of the people, and of a stranger who is not in allowed_signers."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: new_key(folder / name) for name in (*PEOPLE, "stranger")}


@pytest.fixture(scope="session")
def allowed_signers(keys: dict[str, Path]) -> str:
    """Return the text of allowed_signers."""
    lines = [f'{name} namespaces="slipway" {keys[name].with_suffix(".pub").read_text()}' for name in PEOPLE]
    return "".join(lines)


@pytest.fixture
def workspace(keys: dict[str, Path], allowed_signers: str, tmp_path: Path) -> Workspace:
    """Return a workspace with an empty ledger and a cache."""
    settings = Settings.parse(SETTINGS.format(name="orders", repository=uuid.uuid4().hex))
    return Workspace(settings, keys, allowed_signers, access=RegistryAccess(cache=str(tmp_path / "cache")))


@pytest.fixture
async def ledger(workspace: Workspace) -> AsyncIterator[Ledger]:
    """Return the workspace's ledger, open with the lead's key and without a cache."""
    workspace.access = RegistryAccess()
    async with workspace.open("lead") as opened:
        yield opened
