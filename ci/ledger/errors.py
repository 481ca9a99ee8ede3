"""What can go wrong around the ledger.

ReleaseError
├── RegistryError         the registry cannot be used
│   ├── UnreachableError  nothing answers, or nothing but errors of its own
│   ├── DeniedError       it wants another login
│   └── MissingError      what was asked for is not there
├── SigningError          a key, an agent or ssh-keygen itself is not fit to sign or to verify
├── StatementError        a text is no statement
└── RefusedError          the rules of the release say no
"""

from collections.abc import Sequence


class ReleaseError(Exception):
    """A request cannot be carried out; the message says where, what, and what to do next."""


class RegistryError(ReleaseError):
    """The registry cannot be used."""


class UnreachableError(RegistryError):
    """Nothing answers, or nothing but errors of its own."""


class DeniedError(RegistryError):
    """It wants another login."""


class MissingError(RegistryError):
    """What was asked for is not there."""


class SigningError(ReleaseError):
    """A key, an agent or ssh-keygen itself is not fit to sign or to verify."""


class StatementError(ReleaseError):
    """A text is no statement."""


class RefusedError(ReleaseError):
    """The rules of the release say no; `reasons` are sentences, one for each."""

    def __init__(self, *reasons: str) -> None:
        """Keep the reasons and make the message of them."""
        super().__init__("\n".join(reasons))
        self.reasons: Sequence[str] = reasons
