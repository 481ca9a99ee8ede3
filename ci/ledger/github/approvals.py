"""Approvals on GitHub: recorded once, and confirmed by GitHub each time that they count.

A copy in the ledger alone allows nothing.
"""

from typing import Annotated

from pydantic import Field

from ci.frozen import FrozenModel
from ci.ledger.errors import RefusedError
from ci.ledger.github.confirmation import ApprovalReader, github_approvals, with_people
from ci.ledger.github.errors import GithubError
from ci.ledger.github.recording import RecordedReviews, record_reviews
from ci.ledger.github.reviews import person_with_login
from ci.ledger.history import History
from ci.ledger.policy.case import DeliveryInput, may_deploy
from ci.ledger.store.store import Ledger
from ci.settings import Settings

NO_REPOSITORY = 'pipeline.toml: github.repository: must be set for approvals on GitHub: repository = "OWNER/NAME"'
NO_TOKEN = "GitHub must confirm its approvals: give --github-token (GITHUBTOKEN in .env)"  # noqa: S105 - a sentence


class GithubAccess(FrozenModel):
    """How this process reaches GitHub."""

    # A file with a token; empty: GitHub is not read.
    token_file: str = ""
    # The GitHub run of this delivery; empty: there is none.
    run: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""


async def record_github_approvals(
    ledger: Ledger, settings: Settings, environment: str, version: str, github: GithubAccess
) -> RecordedReviews:
    """Record who approved a version by the run that `github` names.

    Raises:
        RefusedError: The run is of another workflow or version, or no approval of it counts.
        GithubError: GitHub does not answer.
    """
    if not settings.environment(environment).approvals.count:
        raise RefusedError(f"{environment}: needs no approvals: see approvals.count in pipeline.toml")
    if why := _why_unavailable(settings, github):
        raise RefusedError(f"{environment}: {why}")
    if not github.run:
        raise RefusedError(f"{environment}: give --github-run: the number in the run's address")
    async with ApprovalReader.connect(settings, github.token_file) as reader:
        history, _, _ = await reader.confirm(await ledger.read_existing(), environment, version)
        approvals = await reader.read(environment, version, github.run)
    recorded = await record_reviews(ledger, history, settings, (environment, version, github.run), approvals)
    if not recorded.people:
        none = f"{environment}: there is no approval of {version} in GitHub's run {github.run}"
        raise RefusedError(*(recorded.others or [none]))
    return recorded


async def with_github_approvals(
    ledger: Ledger, history: History, settings: Settings, delivery: DeliveryInput, github: GithubAccess
) -> tuple[History, tuple[str, ...]]:
    """Return the history with the approvals that GitHub confirms now, and a sentence for each of the others.

    The approvals of the delivery's own run are recorded first. Where GitHub does not answer, a sentence holds the
    reason, and signed approvals count as always.
    """
    name, version, run = delivery.environment, delivery.version, github.run
    if not settings.environment(name).approvals.count:
        return history, ()
    if why := _why_unavailable(settings, github):
        others: tuple[str, ...] = (f"{name}: {why}",) if run or github_approvals(history, name, version) else ()
        return _trust_copies(history, settings, delivery), others
    # A rollback goes to a release that its approvals brought there once, however their run ended later.
    back = delivery.action != "deploy"
    try:
        async with ApprovalReader.connect(settings, github.token_file, also_failed=back) as reader:
            history, others, complete = await reader.confirm(history, name, version)
            if run and version and not back:
                approvals = await reader.read(name, version, run)
                recorded = await record_reviews(ledger, history, settings, (name, version, run), approvals)
                history, others = recorded.history, (*others, *recorded.others)
    except RefusedError as error:
        others = (*others, *error.reasons)
    except GithubError as error:
        return _trust_copies(history, settings, delivery), (f"{name}: {error}",)
    return history if complete else _trust_copies(history, settings, delivery), others


def _why_unavailable(settings: Settings, github: GithubAccess) -> str:
    if not settings.github.repository:
        return NO_REPOSITORY
    return "" if github.token_file else NO_TOKEN


def _trust_copies(history: History, settings: Settings, delivery: DeliveryInput) -> History:
    """For a rollback or a restore, let the ledger's copies count without GitHub's confirmation.

    An emergency does not wait for GitHub. A copy counts only where a person who may deploy there signed it.
    """
    name = delivery.environment
    if delivery.action == "deploy":
        return history
    signed = {
        entry.id: person
        for entry in github_approvals(history, name, delivery.version)
        if may_deploy(settings, name, entry.signer) and (person := person_with_login(settings, entry.record.login))
    }
    return with_people(history, signed)
