"""Who asks: every client of a session has a context, found by its token."""

import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from slipway_engine.errors import EngineError
from slipway_engine.schema import message_of

if TYPE_CHECKING:
    from slipway_engine.engine import Engine
    from slipway_engine.modules.call import Call

logger = logging.getLogger(__name__)


@dataclass
class Context:
    """One client: the command itself, or the process of one function call."""

    engine: "Engine"
    root: Any  # the API's Query
    call: "Call | None" = None
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def report(self, error: GraphQLError) -> dict[str, Any]:
        """Return an error as the client reads it, without secrets."""
        cause = error.original_error or error
        if not isinstance(cause, EngineError | GraphQLError):
            logger.error("a defect of the local engine", exc_info=cause)
        report: dict[str, Any] = {"message": message_of(cause), "path": error.path}
        if extensions := getattr(cause, "extensions", None):
            report["extensions"] = extensions
        scrubbed: dict[str, Any] = self.engine.secrets.scrub_json(report)
        return scrubbed
