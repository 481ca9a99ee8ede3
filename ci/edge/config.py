"""The edge's configuration, in Caddy's JSON: https://caddyserver.com/docs/json/."""

import json
from dataclasses import dataclass
from typing import Any

# The administration port, reachable from the stack's network only; it is not published.
ADMIN_PORT = 2019
# The label `handler` of the metrics that count each request to the service once.
COUNTED_HANDLER = "subroute"


@dataclass(frozen=True)
class Upstream:
    """A release as an edge finds it."""

    # A name that resolves to the release's replicas.
    name: str
    port: int
    # The path that tells whether a replica is ready, and the seconds between two questions.
    health_path: str
    interval: float


def release_config(port: int, upstream: Upstream) -> str:
    """Return the configuration of an edge that routes to one release."""
    return _render(port, _with_metrics(_proxy(upstream)))


def empty_config(port: int) -> str:
    """Return the configuration of an edge without a release: it answers 503."""
    return _render(port, {"handler": "static_response", "status_code": 503, "body": "No release serves here yet.\n"})


def upstream_of(config: Any) -> str:  # noqa: ANN401 - whatever an edge has for its configuration
    """Return the upstream to which an edge's configuration routes; empty: none."""
    try:
        outer = config["apps"]["http"]["servers"]["public"]["routes"][1]["handle"][0]
        return str(outer["routes"][0]["handle"][0]["dynamic_upstreams"]["name"])
    except (KeyError, IndexError, TypeError):
        return ""


def _render(port: int, handler: dict[str, Any]) -> str:
    server = {
        "listen": [f":{port}"],
        "automatic_https": {"disable": True},
        "metrics": {},
        "routes": [{"match": [{"protocol": "http/1.1"}], "handle": [_close_connection()]}, {"handle": [handler]}],
    }
    config = {
        "admin": {"listen": f":{ADMIN_PORT}"},
        "apps": {"http": {"servers": {"public": server}}},
    }
    return json.dumps(config, sort_keys=True)


def _close_connection() -> dict[str, Any]:
    """Close a connection of HTTP/1.1 after its response: a reload cuts idle connections, perhaps under a new request.

    HTTP/2 does not need this: it announces the end of a connection.
    """
    return {"handler": "headers", "response": {"set": {"Connection": ["close"]}}}


def _with_metrics(handler: dict[str, Any]) -> dict[str, Any]:
    """Wrap a handler, so that its errors become responses before they are counted: Caddy 2.6 would not count them."""
    answer = {"handler": "static_response", "status_code": "{http.error.status_code}"}
    return {
        "handler": COUNTED_HANDLER,
        "routes": [{"handle": [handler]}],
        "errors": {"routes": [{"handle": [answer]}]},
    }


def _proxy(upstream: Upstream) -> dict[str, Any]:
    return {
        "handler": "reverse_proxy",
        # By name: virtual IPs need kernel support. DNS knows what runs, the edge's readiness check what is ready.
        "dynamic_upstreams": {"source": "a", "name": upstream.name, "port": str(upstream.port), "refresh": "1s"},
        # Longer than a replica that is gone stays known: Caddy reads its list of ready replicas every five seconds.
        "load_balancing": {
            "selection_policy": {"policy": "least_conn"},
            "try_duration": "10s",
            "try_interval": "100ms",
        },
        # A replica on a lost node does not refuse connections: only a time-out ends the attempt.
        "transport": {"protocol": "http", "dial_timeout": "1s"},
        "health_checks": {
            "passive": {"fail_duration": "2s"},
            # Caddy checks no dynamic upstreams itself: the edge's readiness check reads path and interval here.
            "active": {"uri": upstream.health_path, "interval": f"{upstream.interval:g}s"},
        },
    }
