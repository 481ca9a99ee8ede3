"""Whether the service can answer, and what it is."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from psycopg import Error
from pydantic import BaseModel

from orders.db import Pool
from orders.drain import Drain
from orders.settings import Feature, Settings

TIMEOUT = 2.0
"""Seconds within which the database has to answer."""

router = APIRouter(tags=["health"])


class Probe:
    """Checks the database; concurrent callers share one query."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.query: asyncio.Task[str] | None = None

    async def problem(self) -> str:
        """Return the database's problem; empty when there is none."""
        if not self.query or self.query.done():
            self.query = asyncio.create_task(self._query_database())
        # Not cancelled when time is up: to cancel a query, psycopg has to reach the database that does not answer.
        await asyncio.wait([self.query], timeout=TIMEOUT)
        return self.query.result() if self.query.done() else f"database: no answer within {TIMEOUT:.0f} s"

    async def _query_database(self) -> str:
        try:
            async with self.pool.connection() as connection:
                await connection.execute("SELECT 1")
        except Error as error:
            return f"database: {type(error).__name__}"
        return ""


class Health(BaseModel):
    status: str
    reason: str = ""


class Version(BaseModel):
    version: str
    features: list[Feature]


def _drain(request: Request) -> Drain:
    drain: Drain = request.app.state.drain
    return drain


def _probe(request: Request) -> Probe:
    probe: Probe = request.app.state.probe
    return probe


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


@router.get("/healthz", responses={503: {"model": Health}})
async def healthz(probe: Annotated[Probe, Depends(_probe)], drain: Annotated[Drain, Depends(_drain)]) -> JSONResponse:
    """Answer 200 when new requests are welcome, 503 with the reason otherwise."""
    reason = "draining: the service is stopping" if drain.active else await probe.problem()
    health = Health(status="unavailable" if reason else "ok", reason=reason)
    return JSONResponse(health.model_dump(exclude_defaults=True), 503 if reason else 200)


@router.get("/livez", response_model_exclude_defaults=True)
async def livez() -> Health:
    """Answer as long as the process works, whatever it depends on."""
    return Health(status="ok")


@router.get("/version")
async def version(settings: Annotated[Settings, Depends(_settings)]) -> Version:
    return Version(version=settings.app_version, features=settings.enabled)
