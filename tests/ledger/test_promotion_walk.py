"""A release goes from dev to production and back."""

from ci.ledger.rendering.views import environments_view
from tests.ledger.workspace import DIGEST, OTHER_DIGEST, Workspace


def release(workspace: Workspace, version: str = "1.0", digest: str = DIGEST) -> None:
    """Take a version the whole way to production."""
    workspace.build(version, digest)
    workspace.deliver("dev", version, "author")
    workspace.approve("lead", "acceptance", version)
    workspace.deliver("acceptance", version)
    for name in ("lead", "stakeholder"):
        workspace.approve(name, "production", version)
    workspace.deliver("production", version)


def test_release_goes_to_production_and_back(workspace: Workspace) -> None:
    release(workspace)
    release(workspace, "1.1", OTHER_DIGEST)
    started = workspace.start("lead", "production", "", action="rollback")
    back = started.found.decision
    assert (back.version, back.digest, back.current_version, back.verified) == ("1.0", DIGEST, "1.1", True)
    end = workspace.end(started)
    assert (end.record.previous_version, end.record.previous_digest) == ("1.1", OTHER_DIGEST)
    history = workspace.read()
    environments = environments_view(history, workspace.settings).environments
    assert [environment.version for environment in environments] == ["1.1", "1.1", "1.0"]
    assert history.problems == ()
