"""The errors of the ledger.

LedgerError
├── RegistryError         the registry cannot be used
│   ├── UnreachableError  the registry does not answer, or answers with server errors only
│   ├── DeniedError       the registry does not accept the login
│   ├── InvalidError      the registry does not take such a manifest
│   └── MissingError      the registry does not hold what was requested
├── SchemaError           the ledger's records have a schema that this version does not read
├── SigningError          a key, an ssh-agent or ssh-keygen cannot sign or verify
├── StatementError        a text is not a valid statement
└── RefusedError          policy does not allow it
"""

from collections.abc import Sequence


class LedgerError(Exception):
    """The ledger cannot be read or written; the message names the place, the problem and the next step."""


class RegistryError(LedgerError):
    """The registry cannot be used."""


class UnreachableError(RegistryError):
    """The registry does not answer, or answers with server errors only."""


class DeniedError(RegistryError):
    """The registry does not accept the login."""


class InvalidError(RegistryError):
    """The registry does not take such a manifest."""


class MissingError(RegistryError):
    """The registry does not hold what was requested."""


class SchemaError(LedgerError):
    """The ledger's records have a schema that this version does not read."""


class SigningError(LedgerError):
    """A key, an ssh-agent or ssh-keygen cannot sign or verify."""


class StatementError(LedgerError):
    """A text is not a valid statement."""


class RefusedError(LedgerError):
    """Policy does not allow it; `reasons` are sentences, one for each refusal."""

    def __init__(self, *reasons: str) -> None:
        """Keep the reasons; the message has a line for each."""
        super().__init__("\n".join(reasons))
        self.reasons: Sequence[str] = reasons
