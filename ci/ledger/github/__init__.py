"""GitHub: who approved a release by opening its environment for a run, and how a repository is protected."""

from ci.ledger.github.approvals import GithubAccess, record_github_approvals, with_github_approvals
from ci.ledger.github.bootstrap import BootstrapResult, bootstrap_repository

__all__ = [
    "BootstrapResult",
    "GithubAccess",
    "bootstrap_repository",
    "record_github_approvals",
    "with_github_approvals",
]
