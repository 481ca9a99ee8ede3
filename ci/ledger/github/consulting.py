"""Asking GitHub who approved: to record it, and again whenever it counts. A copy in the ledger alone opens nothing."""

from ci.ledger.errors import RefusedError
from ci.ledger.github.approvals import known_as_login
from ci.ledger.github.consultation import Consultation, from_github, standing_behind
from ci.ledger.github.errors import GithubError
from ci.ledger.github.recording import record_reviews
from ci.ledger.history import History
from ci.ledger.policy.case import may_deploy
from ci.ledger.protocol import Admit, ApproveFromGithub, GithubRead, Request
from ci.ledger.store.store import Ledger

NO_REPOSITORY = 'pipeline.toml does not say which repository on GitHub counts: [github] repository = "OWNER/NAME"'
NO_TOKEN = "approvals on GitHub count when it is asked again: give --github-token (GITHUBTOKEN in .env)"  # noqa: S105 - a sentence


async def approve_from_github(ledger: Ledger, request: ApproveFromGithub) -> GithubRead:
    """Record who approved of a version on GitHub, by one run of its workflow.

    Raises:
        RefusedError: It is no such run, or nobody did whose approval counts.
        GithubError: GitHub cannot be asked.
    """
    name, version, run = request.environment, request.version, request.github.run
    if not request.settings.environment(name).approvals.count:
        raise RefusedError(f"{name}: takes no approvals: see approvals.count in pipeline.toml")
    if why := _not_asked(request) or ("" if run else "which run? give --github-run, the number in its address"):
        raise RefusedError(f"{name}: {why}")
    async with Consultation.of(request.settings, request.github.token_file) as github:
        history, _, _ = await github.confirmed(await ledger.read(), name, version)
        said = await github.reviewed(name, version, run)
    done = await record_reviews(ledger, history, request.settings, (name, version, run), said)
    if not done.people:
        raise RefusedError(*(done.others or [f"{name}: nobody approved of {version} in GitHub's run {run}"]))
    message = f"{name}: {version} is approved by {', '.join(done.people)} in GitHub's run {run}"
    return GithubRead(message="\n".join([message, *done.others]), people=tuple(done.people), others=tuple(done.others))


async def consulted(ledger: Ledger, history: History, request: Admit) -> tuple[History, tuple[str, ...]]:
    """Return a history in which those approvals count that GitHub tells of, now, and why others do not.

    What the reviewers of the asking run said is recorded first. Where GitHub cannot be asked, this says so, and signed
    approvals count as ever.
    """
    name, version, run = request.environment, request.version, request.github.run
    if not request.settings.environment(name).approvals.count:
        return history, ()
    if why := _not_asked(request):
        told = (f"{name}: {why}",) if run or from_github(history, name, version) else ()
        return _going_back(history, request), told
    try:
        async with Consultation.of(request.settings, request.github.token_file) as github:
            history, others, complete = await github.confirmed(history, name, version)
            if run and version and request.action == "deploy":
                said = await github.reviewed(name, version, run)
                done = await record_reviews(ledger, history, request.settings, (name, version, run), said)
                history, others = done.history, (*others, *done.others)
    except RefusedError as error:
        others = (*others, *error.reasons)
    except GithubError as error:
        return _going_back(history, request), (f"{name}: {error}",)
    return history if complete else _going_back(history, request), others


def _not_asked(request: Request) -> str:
    if not request.settings.github.repository:
        return NO_REPOSITORY
    return "" if request.github.token_file else NO_TOKEN


def _going_back(history: History, request: Admit) -> History:
    """Let what was approved on GitHub count without asking it, for those alone who go back to what ran already.

    An emergency does not wait for GitHub. It takes that somebody signed the record who may deploy there.
    """
    settings, name = request.settings, request.environment
    if request.action == "deploy":
        return history
    signed = {
        entry.id: person
        for entry in from_github(history, name, request.version)
        if may_deploy(settings, name, entry.signer) and (person := known_as_login(settings, entry.record.login))
    }
    return standing_behind(history, {name: signed[name] for name in signed})
