"""The errors of the local engine.

EngineError
├── UsageError        the caller's request makes no sense (exit status 2)
├── Unsupported       an official feature that only a Dagger engine has
├── DockerError       the Docker daemon refused or cannot be reached
├── StoreError        the cache folder cannot be read or written
├── ServiceError      a service did not come up
└── ExecFailed        a step's command exited with a status that was not expected
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

# Advice stands on a line of its own. Modules mark theirs in the same way, and add none where the engine's is.
MARK = "→ "


class EngineError(Exception):
    """An error for users of the engine: where, what, and what to do next."""

    extensions: dict[str, Any] | None = None


class UsageError(EngineError):
    """The caller's request makes no sense."""


class Unsupported(EngineError):  # noqa: N818 - reads as what it is: "Unsupported: Container.…"
    """A part of Dagger's API that the local engine does not serve."""

    def __init__(self, what: str, why: str = "") -> None:
        """Name the field or argument, and recommend the Dagger engine."""
        reason = f" ({why})" if why else ""
        super().__init__(f"{what} is not supported by the local engine{reason}: use the Dagger engine for it")


class DockerError(EngineError):
    """The Docker daemon refused a request or cannot be reached."""

    def __init__(self, message: str, status: int | None = None) -> None:
        """Keep the HTTP status, since some callers handle 404 and 409."""
        super().__init__(message)
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Return whether the requested object does not exist."""
        return self.status == HTTPStatus.NOT_FOUND


class StoreError(EngineError):
    """The cache folder cannot be read or written."""


class ServiceError(EngineError):
    """A service did not come up or is not there."""


class ExecFailed(EngineError):  # noqa: N818 - the client's name for it is ExecError; this is the fact it reports
    """A step's command exited with a status that was not expected; the client raises it as dagger.ExecError."""

    def __init__(self, args: Sequence[str], exit_code: int, stdout: str, stderr: str) -> None:
        """Use the official engine's message, and carry the details in the GraphQL extensions."""
        self.container: Any = None  # the failed step's ContainerSpec, for a shell in it
        self.insecure = False  # whether the step had all of root's capabilities
        super().__init__(exec_message(args, exit_code))
        self.extensions = {
            "_type": "EXEC_ERROR",
            "cmd": list(args),
            "exitCode": exit_code,
            "stdout": stdout,
            "stderr": stderr,
        }


def describe(error: BaseException) -> str:
    """Return an error for people: the engine's own as it is; any other with its class, and the way to its stack."""
    if isinstance(error, EngineError):
        return str(error)
    detail = f": {error}" if str(error) else ""
    return (
        f"internal error: {type(error).__name__}{detail}\n{MARK}run the command again with --debug for Python's stack"
    )


def exec_message(args: Sequence[str], exit_code: int | None) -> str:
    """Return the official engine's message for a failed step."""
    return f'process "{" ".join(args)}" did not complete successfully: exit code: {exit_code}'
