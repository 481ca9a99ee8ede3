"""Text about approvals on GitHub and about a repository's setup there."""

from ci.ledger.github.bootstrap import BootstrapResult
from ci.ledger.github.recording import RecordedReviews
from ci.settings import Settings


def describe_approvals(environment: str, version: str, run: str, recorded: RecordedReviews) -> str:
    """Name the people who approved a version by a run, and list the approvals that do not count."""
    message = f"{environment}: {version} is approved by {', '.join(recorded.people)} in GitHub's run {run}"
    return "\n".join([message, *recorded.others])


def describe_bootstrap(settings: Settings, result: BootstrapResult) -> str:
    """List the plan, or the changes that were made."""
    if result.changes is None:
        plan = "the plan; to apply it, give --token with one that may administer the repository"
        return "\n".join([plan, *result.lines])
    if not result.changes:
        return "everything was set up already"
    count = f"changed in {settings.github.repository}: {len(result.changes)}"
    return "\n".join([count, *result.changes])
