"""The errors of GitHub's API.

GithubError                   GitHub's answer cannot be used
├── GithubUnreachableError    GitHub does not answer, or answers with server errors only
│   └── RateLimitedError      GitHub's rate limit is used up
├── GithubDeniedError         the token is invalid, or lacks a permission
└── GithubMissingError        what was requested does not exist, or the token does not see it
"""

from ci.ledger.errors import LedgerError


class GithubError(LedgerError):
    """GitHub's answer cannot be used."""


class GithubUnreachableError(GithubError):
    """GitHub does not answer, or answers with server errors only."""


class RateLimitedError(GithubUnreachableError):
    """GitHub's rate limit is used up."""


class GithubDeniedError(GithubError):
    """The token is invalid, or lacks a permission."""


class GithubMissingError(GithubError):
    """What was requested does not exist, or the token does not see it."""
