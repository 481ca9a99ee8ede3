"""What is read from the ledger, and what people state in it."""

from ci.agent.context import Context
from ci.agent.protocol.requests import (
    Approve,
    ApproveFromGithub,
    BootstrapGithub,
    Deny,
    Lift,
    ReadLedger,
    WriteStatement,
)
from ci.agent.protocol.responses import Done, LedgerView, Text
from ci.ledger import protocol as p
from ci.ledger.github import approve_from_github, bootstrap
from ci.ledger.handlers.show import show
from ci.ledger.handlers.words import approve, deny, lift, statement_of


async def handle_read(context: Context, request: ReadLedger) -> LedgerView:
    """Read a view of the ledger."""
    async with context.ledger() as ledger:
        github = p.GithubAccess(token_file=context.github_token)
        asked = p.Read(settings=context.settings, github=github, **request.model_dump(exclude={"request"}))
        viewed = await show(ledger, asked)
    return LedgerView(
        message=viewed.message,
        history=viewed.history,
        release=viewed.release,
        report=viewed.report,
        problems=viewed.problems,
    )


async def handle_approve(context: Context, request: Approve) -> Done:
    """Record an approval."""
    async with context.ledger() as ledger:
        asked = p.Approve(settings=context.settings, **request.model_dump(exclude={"request"}))
        return Done(message=(await approve(ledger, asked)).message)


async def handle_deny(context: Context, request: Deny) -> Done:
    """Record a denial."""
    async with context.ledger() as ledger:
        asked = p.Deny(settings=context.settings, **request.model_dump(exclude={"request"}))
        return Done(message=(await deny(ledger, asked)).message)


async def handle_lift(context: Context, request: Lift) -> Done:
    """Record that denials are lifted."""
    async with context.ledger() as ledger:
        asked = p.Lift(settings=context.settings, **request.model_dump(exclude={"request"}))
        return Done(message=(await lift(ledger, asked)).message)


async def handle_statement(context: Context, request: WriteStatement) -> Text:
    """Write the statement that a person signs elsewhere."""
    async with context.ledger() as ledger:
        asked = p.StatementOf(settings=context.settings, **request.model_dump(exclude={"request"}))
        text = await statement_of(ledger, asked)
    return Text(message=text.message, text=text.text, command=text.command)


async def handle_approve_from_github(context: Context, request: ApproveFromGithub) -> Done:
    """Record who approved a release by opening its environment for a GitHub run."""
    github = p.GithubAccess(token_file=context.github_token, run=request.github_run)
    async with context.ledger() as ledger:
        details = request.model_dump(exclude={"request", "github_run"})
        asked = p.ApproveFromGithub(settings=context.settings, github=github, **details)
        return Done(message=(await approve_from_github(ledger, asked)).message)


async def handle_bootstrap_github(context: Context, request: BootstrapGithub) -> Done:  # noqa: ARG001 - each handler takes its request
    """Set up the repository on GitHub."""
    github = p.GithubAccess(token_file=context.github_token)
    async with context.ledger() as ledger:
        return Done(
            message=(await bootstrap(ledger, p.BootstrapGithub(settings=context.settings, github=github))).message
        )
