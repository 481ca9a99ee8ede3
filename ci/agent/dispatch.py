"""One dispatch for all requests, and one boundary for all expected errors."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ci.agent.context import Context
from ci.agent.handlers import builds, deliveries, environments, ledger
from ci.agent.home import Home, HomeError
from ci.agent.protocol import requests as r
from ci.agent.protocol.responses import AnyResponse, Failed, Refused
from ci.ledger import errors
from ci.ledger.github.errors import GithubDeniedError, GithubUnreachableError
from ci.settings import SettingsError
from ci.targets.errors import TargetError

HANDLERS: Mapping[type[r.Request], Callable[[Context, Any], Awaitable[AnyResponse]]] = {
    r.Identify: builds.handle_identify,
    r.Prepare: builds.handle_prepare,
    r.ReadTags: builds.handle_read_tags,
    r.PushArchives: builds.handle_push,
    r.RecordBuild: builds.handle_record_build,
    r.Deliver: deliveries.handle_deliver,
    r.RunTests: deliveries.handle_tests,
    r.Verify: deliveries.handle_verify,
    r.LockEnvironment: environments.handle_lock,
    r.UnlockEnvironment: environments.handle_unlock,
    r.ReadStatus: environments.handle_status,
    r.ReadEnvironments: environments.handle_environments,
    r.SetSecret: environments.handle_set_secret,
    r.ListSecrets: environments.handle_list_secrets,
    r.Provision: environments.handle_provision,
    r.ReadLedger: ledger.handle_read,
    r.Approve: ledger.handle_approve,
    r.Deny: ledger.handle_deny,
    r.Lift: ledger.handle_lift,
    r.WriteStatement: ledger.handle_statement,
    r.ApproveFromGithub: ledger.handle_approve_from_github,
    r.BootstrapGithub: ledger.handle_bootstrap_github,
}
LEDGER_REASONS = {
    errors.UnreachableError: "unreachable",
    errors.DeniedError: "denied",
    GithubUnreachableError: "unreachable",
    GithubDeniedError: "denied",
    errors.RegistryError: "registry",
    errors.SigningError: "signing",
    errors.StatementError: "invalid",
}


async def respond(home: Home, request: r.AnyRequest) -> AnyResponse:
    """Do the work of a request; every expected error becomes a response."""
    try:
        return await HANDLERS[type(request)](Context(home, home.rules()), request)
    except errors.RefusedError as error:
        return Refused(message=str(error), reasons=tuple(error.reasons))
    except TargetError as error:
        environment = getattr(request, "environment", "")
        return Failed(message=f"{environment}: {error}", where="target", reason=error.reason)
    except errors.LedgerError as error:
        reason = next((reason for kind, reason in LEDGER_REASONS.items() if isinstance(error, kind)), "invalid")
        return Failed.model_validate({"message": str(error), "where": "ledger", "reason": reason})
    except HomeError as error:
        return Failed(message=str(error), where="home", reason="invalid")
    except SettingsError as error:
        return Failed(message=str(error), where="request", reason="invalid")
