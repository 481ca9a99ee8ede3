"""What can go wrong with GitHub.

GithubError                   GitHub's answer is of no use
├── GithubUnreachableError    nothing answers, or nothing but errors of its own
│   └── RateLimitedError      it wants to be asked later
├── GithubDeniedError         it does not take the token, or the token may not
└── GithubMissingError        what was asked for is not there, or the token does not see it
"""

from ci.ledger.errors import ReleaseError


class GithubError(ReleaseError):
    """GitHub's answer is of no use."""


class GithubUnreachableError(GithubError):
    """Nothing answers, or nothing but errors of its own."""


class RateLimitedError(GithubUnreachableError):
    """It wants to be asked later."""


class GithubDeniedError(GithubError):
    """It does not take the token, or the token may not."""


class GithubMissingError(GithubError):
    """What was asked for is not there, or the token does not see it."""
