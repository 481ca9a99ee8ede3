"""The client that sends a query: the command itself, or the process of one function call."""

import secrets
from dataclasses import dataclass, field

from slipway_engine.engine import Engine
from slipway_engine.events import Span


@dataclass(frozen=True)
class CalledModule:
    """The module that a called function belongs to."""

    name: str
    root: str  # the folder of its sources on the host
    include: tuple[str, ...] = ()


@dataclass
class Call:
    """One call of a function, and what its process returns; without names, the module shall register its types."""

    span: Span
    module: CalledModule
    parent_name: str = ""
    name: str = ""  # a constructor has none
    parent: str = "{}"  # the object's state, as JSON
    arguments: tuple[tuple[str, str], ...] = ()  # names, and values as JSON
    result: str | None = None
    error: tuple[str, dict[str, str]] | None = None  # the message, and details as JSON by name
    repeatable: bool = True  # whether the result may be kept: not when the call has read what its key does not name


@dataclass(frozen=True)
class Context:
    """One client of a session."""

    engine: Engine
    call: Call | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(16))
