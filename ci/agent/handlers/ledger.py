"""Views of the ledger, statements, and GitHub."""

from ci.agent.context import Context
from ci.agent.protocol.requests import (
    Approve,
    ApproveFromGithub,
    BootstrapGithub,
    Deny,
    Lift,
    ReadLedger,
    Statement,
    WriteStatement,
)
from ci.agent.protocol.responses import Done, LedgerView, Text
from ci.ledger.errors import RefusedError
from ci.ledger.github import GithubAccess, bootstrap_repository, record_github_approvals
from ci.ledger.policy import DeliveryInput
from ci.ledger.rendering.github import describe_approvals, describe_bootstrap
from ci.ledger.rendering.lines import describe_record
from ci.ledger.rendering.views import history_view, release_view, render_history
from ci.ledger.reports import read_report
from ci.ledger.signed_statements import SIGN_COMMAND, SignedText, StatementInput, explain_signing
from ci.ledger.statements import record_approval, record_denial, record_lift, write_statement


async def handle_read(context: Context, request: ReadLedger) -> LedgerView:
    """Read a view of the ledger."""
    settings, name, version = context.settings, request.environment, request.version
    if name:
        settings.environment(name)
    async with context.ledger() as ledger:
        history = await ledger.read_existing()
        if request.view == "history":
            lines = history_view(history, name, request.limit)
            return LedgerView(message=render_history(lines), history=lines, problems=history.problems)
        if request.view == "release":
            release = release_view(history, _require(version, "--version"), settings)
            return LedgerView(message=release.markdown, release=release, problems=history.problems)
        delivery = DeliveryInput(environment=_require(name, "--env"), version=version)
        github = GithubAccess(token_file=context.github_token)
        report, text = await read_report(ledger, history, settings, delivery, github)
    report = report.model_copy(update={"markdown": text}) if report else None
    return LedgerView(message=text, report=report, problems=history.problems)


async def handle_approve(context: Context, request: Approve) -> Done:
    """Record an approval."""
    about = StatementInput("approve", request.environment, request.version, seconds=request.seconds)
    async with context.ledger() as ledger:
        entry = await record_approval(ledger, context.settings, about, _signed_text(request), note=request.note)
    return Done(message=describe_record(entry))


async def handle_deny(context: Context, request: Deny) -> Done:
    """Record a denial."""
    about = StatementInput("deny", request.environment, request.version, request.reason)
    async with context.ledger() as ledger:
        return Done(
            message=describe_record(await record_denial(ledger, context.settings, about, _signed_text(request)))
        )


async def handle_lift(context: Context, request: Lift) -> Done:
    """Record that denials are lifted."""
    about = StatementInput("lift", request.environment, request.version, request.reason)
    async with context.ledger() as ledger:
        entry = await record_lift(ledger, context.settings, about, _signed_text(request))
    return Done(message=describe_record(entry))


async def handle_statement(context: Context, request: WriteStatement) -> Text:
    """Write the statement that a person signs elsewhere."""
    about = StatementInput(request.act, request.environment, request.version, request.reason, request.seconds)
    async with context.ledger() as ledger:
        statement = await write_statement(ledger, context.settings, about)
    return Text(message=explain_signing(statement), text=statement.text, command=SIGN_COMMAND)


async def handle_approve_from_github(context: Context, request: ApproveFromGithub) -> Done:
    """Record who approved a release by opening its environment for a GitHub run."""
    github = GithubAccess(token_file=context.github_token, run=request.github_run)
    about = (request.environment, request.version)
    async with context.ledger() as ledger:
        recorded = await record_github_approvals(ledger, context.settings, *about, github)
    return Done(message=describe_approvals(*about, request.github_run, recorded))


async def handle_bootstrap_github(context: Context, request: BootstrapGithub) -> Done:  # noqa: ARG001 - each handler takes its request
    """Set up the repository on GitHub."""
    result = await bootstrap_repository(context.settings, context.github_token)
    return Done(message=describe_bootstrap(context.settings, result))


def _signed_text(request: Statement) -> SignedText | None:
    return SignedText(request.statement, request.signature) if request.signature else None


def _require(value: str, flag: str) -> str:
    if not value:
        raise RefusedError(f"{flag} is required")
    return value
