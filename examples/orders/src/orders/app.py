"""The application, put together."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from orders import health
from orders.db import open_pool
from orders.drain import CloseWhileDraining, Drain
from orders.errors import handle_errors
from orders.logs import AccessLog
from orders.migrate import migrate
from orders.routes import customers, order_search, orders
from orders.settings import Feature, Settings

log = logging.getLogger("orders")


def create_app(settings: Settings, drain: Drain | None = None) -> FastAPI:
    app = FastAPI(title="Orders", version=settings.app_version, lifespan=_lifespan)
    app.state.settings = settings
    app.state.drain = drain = drain or Drain()
    app.add_middleware(CloseWhileDraining, drain=drain)
    app.add_middleware(AccessLog)
    handle_errors(app)
    app.include_router(health.router)
    app.include_router(customers.router)
    app.include_router(orders.router)
    if Feature.ORDER_SEARCH in settings.enabled:
        app.include_router(order_search.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    if settings.unknown_features:
        log.warning("FEATURES: not known to this release, ignored: %s", ", ".join(settings.unknown_features))
    async with open_pool(settings) as pool:
        if settings.migrate_on_start:
            async with pool.connection() as connection:
                await migrate(connection)
        app.state.pool = pool
        app.state.probe = health.Probe(pool)
        log.info("version %s is ready", settings.app_version)
        yield
