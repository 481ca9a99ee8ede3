"""A request is answered: the ledger is opened, and what goes wrong becomes an outcome."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ci.release import errors
from ci.release.github import approve_from_github, bootstrap
from ci.release.github.errors import GithubDeniedError, GithubUnreachableError
from ci.release.handlers.admit import admit
from ci.release.handlers.build import find_build, record_build
from ci.release.handlers.conclude import conclude
from ci.release.handlers.show import show
from ci.release.handlers.words import approve, deny, lift, statement_of
from ci.release.ledger.cache import Cache
from ci.release.ledger.ledger import Ledger
from ci.release.ledger.login import login
from ci.release.ledger.registry import Registry
from ci.release.protocol import (
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
from ci.release.signing.signatures import Signatures, Signer
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
