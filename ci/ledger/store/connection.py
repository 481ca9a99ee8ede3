"""The way to an app's ledger in its registry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ci.frozen import FrozenModel
from ci.ledger.signing.signatures import Signatures
from ci.ledger.store.cache import Cache
from ci.ledger.store.login import read_login
from ci.ledger.store.registry import Registry
from ci.ledger.store.store import Ledger
from ci.settings import Settings

# Registries whose API has another host.
HOSTS = {"docker.io": "registry-1.docker.io"}


class RegistryAccess(FrozenModel):
    """How this process reaches the registry: an address and paths."""

    # Like https://registry.example.com; empty: the settings' host by https, or by http where it is loopback.
    url: str = ""
    user: str = ""
    password_file: str = ""
    # Certificates (PEM) that the registry's own is checked with, beside the system's; empty: none.
    ca: str = ""
    # A folder that caches records between runs; empty: none.
    cache: str = ""


@asynccontextmanager
async def open_ledger(settings: Settings, access: RegistryAccess, signatures: Signatures) -> AsyncIterator[Ledger]:
    """Open the ledger beside the app's images.

    Raises:
        RegistryError: The registry's login or its certificates cannot be read.
    """
    repository = settings.registry
    host = HOSTS.get(repository.host, repository.host)
    url = access.url or f"{'http' if repository.is_loopback else 'https'}://{host}"
    name = repository.repository.partition("/")[2]
    cache = Cache.of(access.cache, repository.repository)
    login = read_login(access.user, access.password_file)
    async with Registry.connect(url, name, login, ca=access.ca, host=repository.host) as registry:
        yield Ledger(registry, settings.app.name, signatures, cache)
