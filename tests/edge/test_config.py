"""What the edge is told, and that a real Caddy takes it."""

import json
import subprocess

import pytest

from ci import edge


def handler(config: str) -> dict[str, object]:
    servers = json.loads(config)["apps"]["http"]["servers"]
    (server,) = servers.values()
    _, route = server["routes"]
    (outer,) = route["handle"]
    # What is counted is wrapped.
    return dict(outer["routes"][0]["handle"][0] if "routes" in outer else outer)


def test_one_release_serves_by_the_names_of_its_healthy_replicas() -> None:
    proxy = handler(edge.release_config(8080, "tasks.web-1", 8000))
    assert proxy["handler"] == "reverse_proxy"
    assert proxy["dynamic_upstreams"] == {"source": "a", "name": "tasks.web-1", "port": "8000", "refresh": "1s"}


def test_a_replica_that_goes_away_costs_a_retry() -> None:
    proxy = handler(edge.release_config(8080, "tasks.web-1", 8000))
    assert isinstance(proxy["load_balancing"], dict)
    assert proxy["load_balancing"]["try_duration"] == "5s"
    assert proxy["health_checks"] == {"passive": {"fail_duration": "2s"}}
    assert proxy["transport"] == {"protocol": "http", "dial_timeout": "1s"}


def test_no_connection_of_http_1_waits_for_a_second_request() -> None:
    (server,) = json.loads(edge.release_config(8080, "tasks.web-1", 8000))["apps"]["http"]["servers"].values()
    first = server["routes"][0]
    assert first["match"] == [{"protocol": "http/1.1"}]
    assert first["handle"][0]["response"] == {"set": {"Connection": ["close"]}}


def test_before_the_first_release_the_edge_says_so() -> None:
    answer = handler(edge.empty_config(8080))
    assert answer["status_code"] == 503


def test_what_serves_is_read_back() -> None:
    assert edge.upstream_of(json.loads(edge.release_config(80, "tasks.web-1", 8000))) == "tasks.web-1"


@pytest.mark.parametrize("config", [json.loads(edge.empty_config(80)), {}, None, {"apps": []}])
def test_nothing_serves_in_any_other_configuration(config: object) -> None:
    assert edge.upstream_of(config) == ""


def test_only_the_admin_port_and_the_published_one_are_listened_on() -> None:
    config = json.loads(edge.release_config(8080, "tasks.web-1", 8000))
    (server,) = config["apps"]["http"]["servers"].values()
    assert config["admin"]["listen"] == f":{edge.ADMIN_PORT}"
    assert server["listen"] == [":8080"]


@pytest.mark.parametrize("config", [edge.release_config(8080, "tasks.web-1", 8000), edge.empty_config(8080)])
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
