"""One call of a function: what its process asks for, what it hands back, and how it failed."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway_engine.api.call import FunctionCall, FunctionCallArgValue
from slipway_engine.api.error import Error
from slipway_engine.api.module import CurrentModule
from slipway_engine.errors import EngineError
from slipway_engine.events import Span

if TYPE_CHECKING:
    from slipway_engine.modules.session import Session


class FunctionFailed(EngineError):  # noqa: N818 - what happened, as ExecFailed is
    """A function raised an error; the details are those that the SDK reports."""

    def __init__(self, message: str, extensions: dict[str, Any] | None = None) -> None:
        """Keep the details for the client and for whoever shows the error."""
        super().__init__(message)
        self.extensions = extensions


@dataclass
class Call:
    """A call that a process works on."""

    session: "Session"
    span: Span
    function: FunctionCall
    returned: str | None = None
    failed: Error | None = None
    repeatable: bool = True  # whether the result may be kept: not when the call has read what its key does not name

    @classmethod
    def registering(cls, session: "Session", span: Span) -> "Call":
        """Make the call by which a module registers its types."""
        return cls(session, span, FunctionCall("", ""))

    @classmethod
    def of(
        cls, session: "Session", span: Span, path: tuple[str, str], parent: Any, arguments: dict[str, Any]
    ) -> "Call":
        """Make the call of an object's function; values are JSON."""
        values = tuple(FunctionCallArgValue(name, json.dumps(value)) for name, value in arguments.items())
        return cls(session, span, FunctionCall(path[1], path[0], json.dumps(parent), values))

    def api(self) -> FunctionCall:
        """Return the call as the API's currentFunctionCall."""
        return self.function

    @property
    def module(self) -> "CallModule":
        """The module of the function, as the API's currentModule wants it."""
        return CallModule(self)

    def log(self, line: str) -> None:
        """Tell a line that the function printed."""
        engine = self.session.engine
        engine.events.log(self.span, engine.secrets.scrub(line))


@dataclass
class CallModule:
    """The module of a call."""

    call: Call = field(repr=False)

    def api(self) -> CurrentModule:
        """Return it as the API's currentModule; what it reads there is not part of the call's key."""
        self.call.repeatable = False
        source = self.call.session.source
        return CurrentModule(source.name, str(source.source), source.include)


def result_of(call: Call, code: int) -> Any:
    """Return what a process that has ended handed back, or raise its error."""
    if call.failed is not None:
        details = {value.name: json.loads(value.value) for value in call.failed.values}
        raise FunctionFailed(call.failed.message, details)
    what = call.function.name or call.function.parent_name or "the module's registration"
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        tail = "\n".join(call.span.tail)
        raise FunctionFailed(f"{what}: the function's process {how} without a result" + (f":\n{tail}" if tail else ""))
    if call.returned is None:
        raise FunctionFailed(f"{what}: the function's process ended without a result")
    return json.loads(call.returned)
