"""Errors as the answers that a caller can act on.

ServiceError
├── NotFoundError    404
└── ConflictError    409
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import Error, OperationalError

log = logging.getLogger("orders.errors")


class ServiceError(Exception):
    """What the caller can do something about."""

    status = 400


class NotFoundError(ServiceError):
    status = 404


class ConflictError(ServiceError):
    status = 409


def handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Error, _database_error)


def answer(status: int, detail: Any) -> JSONResponse:  # noqa: ANN401 -- any JSON
    return JSONResponse({"detail": detail}, status)


async def _service_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)  # noqa: S101 -- for mypy: Starlette's handlers take any Exception
    return answer(error.status, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Return the place and the problem without the input, which is a customer's and may be invalid Unicode."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- for mypy: Starlette's handlers take any Exception
    return answer(422, [{"loc": problem["loc"], "msg": problem["msg"]} for problem in error.errors()])


async def _database_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Error)  # noqa: S101 -- for mypy: Starlette's handlers take any Exception
    # The whole message may hold the row: name the error by what cannot.
    log.error("%s %s %s", type(error).__name__, error.sqlstate, error.diag.constraint_name or "")
    if isinstance(error, OperationalError):
        return answer(503, "the database does not answer; try again")
    return answer(500, "internal error")
