"""The edge's configuration, in Caddy's JSON: https://caddyserver.com/docs/json/."""

import json
from typing import Any

# Reached from the stack's network only; it is not published.
ADMIN_PORT = 2019
# The label `handler` of the metrics that count every request which the service should answer, once.
COUNTED_HANDLER = "subroute"


def release_config(port: int, upstream: str, upstream_port: int) -> str:
    """Return the configuration of an edge that lets one release serve: its replicas are what `upstream` resolves to."""
    return _render(port, _with_metrics(_proxy(upstream, upstream_port)))


def empty_config(port: int) -> str:
    """Return the configuration of an edge before the first release: it says that there is none."""
    return _render(port, {"handler": "static_response", "status_code": 503, "body": "No release serves here yet.\n"})


def upstream_of(config: Any) -> str:  # noqa: ANN401 - whatever an edge has for its configuration
    """Tell what a configuration, as the edge gives it back, lets serve; empty: nothing."""
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
    """Close a connection of HTTP/1.1 after its answer: a reload cuts idle ones, just when a request comes maybe.

    HTTP/2 needs nothing: it tells its clients when a connection ends.
    """
    return {"handler": "headers", "response": {"set": {"Connection": ["close"]}}}


def _with_metrics(handler: dict[str, Any]) -> dict[str, Any]:
    """Wrap what answers: its errors are answers already when they are counted, which Caddy 2.6 would not do."""
    answer = {"handler": "static_response", "status_code": "{http.error.status_code}"}
    return {
        "handler": COUNTED_HANDLER,
        "routes": [{"handle": [handler]}],
        "errors": {"routes": [{"handle": [answer]}]},
    }


def _proxy(upstream: str, port: int) -> dict[str, Any]:
    return {
        "handler": "reverse_proxy",
        # By DNS, so that nothing depends on virtual IPs in the kernel; replicas that are not healthy are not in it.
        "dynamic_upstreams": {"source": "a", "name": upstream, "port": str(port), "refresh": "1s"},
        "load_balancing": {"selection_policy": {"policy": "least_conn"}, "try_duration": "5s", "try_interval": "100ms"},
        # A replica on a node that is gone does not even refuse.
        "transport": {"protocol": "http", "dial_timeout": "1s"},
        "health_checks": {"passive": {"fail_duration": "2s"}},
    }
