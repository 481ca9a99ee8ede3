"""`python -m orders`: serve until a signal stops the process."""

import sys

import uvicorn

from orders.app import create_app
from orders.drain import Drain, DrainingServer
from orders.logs import set_up_logs
from orders.settings import read_settings


def main() -> None:
    settings, drain = read_settings(), Drain()
    set_up_logs(settings.log_level)
    config = uvicorn.Config(
        create_app(settings, drain),
        host="0.0.0.0",  # noqa: S104 -- a container's own network
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.finish_seconds,
    )
    server = DrainingServer(config, drain, settings.drain_seconds)
    server.run()
    if not server.started:
        sys.exit(1)


main()
