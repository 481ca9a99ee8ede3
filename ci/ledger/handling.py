"""A request is answered: the ledger is opened, and what goes wrong becomes an outcome."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ci.ledger import errors
from ci.ledger.github import approve_from_github, bootstrap
from ci.ledger.github.errors import GithubDeniedError, GithubUnreachableError
from ci.ledger.handlers.admit import admit
from ci.ledger.handlers.build import find_build, record_build
from ci.ledger.handlers.conclude import conclude
from ci.ledger.handlers.show import show
from ci.ledger.handlers.words import approve, deny, lift, statement_of
from ci.ledger.protocol import (
    Admit,
    AnyOutcome,
    AnyRequest,
    Approve,
    ApproveFromGithub,
    BootstrapGithub,
    Conclude,
    Deny,
    Failed,
    FindBuild,
    Lift,
    Read,
    RecordBuild,
    Refused,
    Request,
    StatementOf,
)
from ci.ledger.signing.signatures import Signatures, Signer
from ci.ledger.store.cache import Cache
from ci.ledger.store.login import login
from ci.ledger.store.registry import Registry
from ci.ledger.store.store import Ledger
from ci.settings import SettingsError

HANDLERS: Mapping[type[Request], Callable[[Ledger, Any], Awaitable[AnyOutcome]]] = {
    RecordBuild: record_build,
    FindBuild: find_build,
    Admit: admit,
    Conclude: conclude,
    Approve: approve,
    ApproveFromGithub: approve_from_github,
    BootstrapGithub: bootstrap,
    Deny: deny,
    Lift: lift,
    StatementOf: statement_of,
    Read: show,
}
# Whose API is elsewhere.
HOSTS = {"docker.io": "registry-1.docker.io"}
REASONS = {
    errors.UnreachableError: "unreachable",
    errors.DeniedError: "denied",
    GithubUnreachableError: "unreachable",
    GithubDeniedError: "denied",
    errors.RegistryError: "registry",
    errors.SigningError: "signing",
    errors.StatementError: "invalid",
}


async def answer(request: AnyRequest) -> AnyOutcome:
    """Answer a request; everything that is expected to go wrong is an outcome."""
    try:
        async with opened(request) as ledger:
            return await HANDLERS[type(request)](ledger, request)
    except errors.RefusedError as error:
        return Refused(message=str(error), reasons=tuple(error.reasons))
    except (errors.ReleaseError, SettingsError) as error:
        reason = next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), "invalid")
        return Failed.model_validate({"message": str(error), "reason": reason})


@asynccontextmanager
async def opened(request: Request) -> AsyncIterator[Ledger]:
    """Open the ledger of a request's app."""
    repository, access = request.settings.registry, request.access
    host = HOSTS.get(repository.host, repository.host)
    url = access.url or f"{'http' if repository.is_loopback else 'https'}://{host}"
    name = repository.repository.partition("/")[2]
    signatures = Signatures(**request.keys.model_dump(), signer=Signer(**request.signer.model_dump()))
    cache = Cache.of(access.cache, repository.repository)
    opener = login(access.user, access.password_file)
    async with Registry.connect(url, name, opener, ca=access.ca, host=repository.host) as registry:
        yield Ledger(registry, request.settings.app.name, signatures, cache)
