"""What the edge is told, and that a real Caddy takes it."""

import json
import subprocess

import pytest

from ci import edge

UPSTREAM = edge.Upstream(name="tasks.web-1", port=8000, health_path="/healthz", interval=2)


def handler(config: str) -> dict[str, object]:
    servers = json.loads(config)["apps"]["http"]["servers"]
    (server,) = servers.values()
    _, route = server["routes"]
    (outer,) = route["handle"]
    # What is counted is wrapped.
    return dict(outer["routes"][0]["handle"][0] if "routes" in outer else outer)


def test_edge_routes_to_the_names_of_replicas() -> None:
    proxy = handler(edge.release_config(8080, UPSTREAM))
    assert proxy["handler"] == "reverse_proxy"
    assert proxy["dynamic_upstreams"] == {"source": "a", "name": "tasks.web-1", "port": "8000", "refresh": "1s"}


def test_request_to_a_lost_replica_is_retried() -> None:
    proxy = handler(edge.release_config(8080, UPSTREAM))
    assert isinstance(proxy["load_balancing"], dict)
    assert proxy["load_balancing"]["try_duration"] == "10s"
    assert isinstance(proxy["health_checks"], dict)
    assert proxy["health_checks"]["passive"] == {"fail_duration": "2s"}
    assert proxy["transport"] == {"protocol": "http", "dial_timeout": "1s"}


def test_path_and_interval_of_the_readiness_check_are_in_the_configuration() -> None:
    proxy = handler(edge.release_config(8080, UPSTREAM))
    assert isinstance(proxy["health_checks"], dict)
    assert proxy["health_checks"]["active"] == {"uri": "/healthz", "interval": "2s"}


def test_connection_of_http_1_is_closed_after_its_response() -> None:
    (server,) = json.loads(edge.release_config(8080, UPSTREAM))["apps"]["http"]["servers"].values()
    first = server["routes"][0]
    assert first["match"] == [{"protocol": "http/1.1"}]
    assert first["handle"][0]["response"] == {"set": {"Connection": ["close"]}}


def test_edge_without_a_release_answers_503() -> None:
    answer = handler(edge.empty_config(8080))
    assert answer["status_code"] == 503


def test_upstream_is_read_from_a_configuration() -> None:
    assert edge.upstream_of(json.loads(edge.release_config(80, UPSTREAM))) == "tasks.web-1"


@pytest.mark.parametrize("config", [json.loads(edge.empty_config(80)), {}, None, {"apps": []}])
def test_other_configuration_has_no_upstream(config: object) -> None:
    assert edge.upstream_of(config) == ""


def test_edge_listens_on_its_port_and_the_admin_port_only() -> None:
    config = json.loads(edge.release_config(8080, UPSTREAM))
    (server,) = config["apps"]["http"]["servers"].values()
    assert config["admin"]["listen"] == f":{edge.ADMIN_PORT}"
    assert server["listen"] == [":8080"]


@pytest.mark.parametrize("config", [edge.release_config(8080, UPSTREAM), edge.empty_config(8080)])
def test_caddy_takes_the_configuration(config: str) -> None:
    command = ["docker", "run", "--rm", "--interactive", "--network", "none", "caddy:2"]
    check = subprocess.run(
        [*command, "caddy", "validate", "--config", "/dev/stdin"],
        input=config,
        text=True,
        capture_output=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr
