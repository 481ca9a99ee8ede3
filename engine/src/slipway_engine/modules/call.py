"""How a call of a function ended: its result, or the error that it raised."""

import json
from typing import Any

from slipway_engine.api.context import Call
from slipway_engine.errors import EngineError


class FunctionFailed(EngineError):  # noqa: N818 - what happened, as ExecFailed is
    """A function raised an error; the details are those that the SDK reports."""

    def __init__(self, message: str, extensions: dict[str, Any] | None = None) -> None:
        """Keep the details for the client and for the display of the error."""
        super().__init__(message)
        self.extensions = extensions


def result_of(call: Call, code: int) -> Any:
    """Return what a process that has ended handed back, or raise its error."""
    if call.error is not None:
        message, details = call.error
        raise FunctionFailed(message, {name: json.loads(value) for name, value in details.items()})
    what = call.name or call.parent_name or "the module's registration"
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        tail = "\n".join(call.span.tail)
        raise FunctionFailed(f"{what}: the function's process {how} without a result" + (f":\n{tail}" if tail else ""))
    if call.result is None:
        raise FunctionFailed(f"{what}: the function's process ended without a result")
    return json.loads(call.result)
