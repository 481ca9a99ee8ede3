"""A service that is told to stop while its own start-up runs, which is the worst moment for it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from orders.drain import Drain, DrainingServer


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(60)
    yield


DrainingServer(uvicorn.Config(FastAPI(lifespan=lifespan), log_config=None), Drain(), 0).run()
