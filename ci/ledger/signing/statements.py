"""The text of a statement, which a person signs: readable, and with one canonical form.

    slipway approve
    app: orders
    environment: production
    version: 1.4.2
    digest: sha256:…
    at: 2026-11-25T10:00:00Z
    expires: 2026-12-02T10:00:00Z

A person can sign it anywhere: `ssh-keygen -Y sign -n slipway -f KEY FILE`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from ci.escaping import one_line
from ci.ledger.errors import StatementError
from ci.ledger.records import YEARS, Approval, Denial, Lift

Act = Literal["approve", "deny", "lift"]
AnyStatementRecord = Approval | Denial | Lift
# The name of the last line of each.
LAST = {"approve": "expires", "deny": "reason", "lift": "reason"}
LINE = re.compile(r"^([a-z]+): (.*)$")
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Statement:
    """A statement; times have a precision of one second."""

    act: Act
    app: str
    environment: str
    version: str
    digest: str
    at: datetime
    # Of an approval.
    expires: datetime | None = None
    # Of a denial or a lift, on one line.
    reason: str = ""

    @property
    def text(self) -> str:
        """The canonical text."""
        last = self.reason if self.expires is None else format_time(self.expires)
        lines = {
            "app": self.app,
            "environment": self.environment,
            "version": self.version,
            "digest": self.digest,
            "at": format_time(self.at),
            LAST[self.act]: last,
        }
        return "".join([f"slipway {self.act}\n", *(f"{name}: {value}\n" for name, value in lines.items())])

    def matches(self, record: AnyStatementRecord) -> bool:
        """Return whether a record has the same content."""
        same = ("app", "environment", "version", "digest")
        last = ("expires", self.expires) if isinstance(record, Approval) else ("reason", self.reason)
        return (
            self.act == act_of(record)
            and all(getattr(record, name) == getattr(self, name) for name in same)
            and getattr(record, last[0]) == last[1]
        )


def parse_statement(text: str) -> Statement:
    """Parse a statement's text, with or without its last newline.

    Raises:
        StatementError: The text is not a statement, or not in the canonical form.
    """
    head, *lines = text.rstrip("\n").split("\n")
    act = head.removeprefix("slipway ")
    found = {match[1]: match[2] for match in map(LINE.match, lines) if match}
    try:
        if act not in get_args(Act):
            raise StatementError(f"the statement's first line must be slipway approve, deny or lift (is {head!r})")
        statement = Statement(
            act=act,  # type: ignore[arg-type] # checked above
            app=found["app"],
            environment=found["environment"],
            version=found["version"],
            digest=found["digest"],
            at=_parse_time(found["at"]),
            expires=_parse_time(found["expires"]) if LAST[act] == "expires" else None,
            reason=found["reason"] if LAST[act] == "reason" else "",
        )
    except KeyError as error:
        raise StatementError(
            f"the statement has no line {error.args[0]}: sign the text that `ci call statement` prints"
        ) from error
    if statement.text.rstrip("\n") != text.rstrip("\n"):
        raise StatementError(
            "the statement was changed after it was made: sign the text that `ci call statement` prints"
        )
    return statement


def act_of(record: AnyStatementRecord) -> Act:
    """Return the act of a record's statement."""
    acts: dict[str, Act] = {"approval": "approve", "denial": "deny", "lift": "lift"}
    return acts[record.kind]


def format_time(time: datetime) -> str:
    """Format a time of a statement: UTC, to the second."""
    return time.astimezone(UTC).strftime(TIME)


def join_lines(text: str) -> str:
    """Return a reason on one line, as statements need it."""
    return " ".join(one_line(text).split())


def _parse_time(text: str) -> datetime:
    try:
        time = datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError:
        time = None
    if time is None or time.year not in YEARS:
        raise StatementError(f"the statement's time must be like 2026-01-31T18:00:00Z (is {text})")
    return time
