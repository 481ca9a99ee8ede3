"""`python -m orders` as a container runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

SOURCES = Path(__file__).parents[2] / "src"
# Seconds, on a busy machine too; shorter than the service itself waits for its database.
PATIENCE = 20

Start = Callable[..., subprocess.Popen[str]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process in an empty folder, with nothing in its environment but what is given."""
    processes: list[subprocess.Popen[str]] = []

    def run(**environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "orders"],
            env={"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"], **environment},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            assert httpx.get(f"{url}/healthz").status_code == 200
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def test_drains_on_sigterm(start: Start, database_url: str, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(DATABASE_URL=database_url, PORT=str(port), DRAIN_SECONDS="1")
    wait_until_ready(url)

    with httpx.Client(base_url=url) as client:
        assert client.get("/customers").status_code == 200
        process.send_signal(signal.SIGTERM)
        start_time = time.monotonic()
        while time.monotonic() - start_time < 0.5:
            assert client.get("/customers").status_code == 200
        assert client.get("/healthz").json()["reason"] == "draining: the service is stopping"
    assert process.wait(PATIENCE) == 0
    assert time.monotonic() - start_time > 0.9
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_hangs_does_not_keep_it(start: Start, database_url: str) -> None:
    port = free_port()
    process = start(DATABASE_URL=database_url, PORT=str(port), DRAIN_SECONDS="0", FINISH_SECONDS="1")
    wait_until_ready(f"http://127.0.0.1:{port}")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /customers HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_stops_at_once_while_it_waits_for_the_database(start: Start) -> None:
    process = start(DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/none")
    assert process.stderr
    assert any("error connecting" in line for line in process.stderr)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_stops_when_told_amid_its_own_start() -> None:
    folders = f"{SOURCES}{os.pathsep}{Path(__file__).parent / 'support'}"
    process = subprocess.Popen([sys.executable, "-m", "stopped_early"], env={"PYTHONPATH": folders})
    try:
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()


def test_says_every_mistake_in_its_environment(start: Start) -> None:
    process = start(PORT="x", LOG_LEVEL="loud")
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert [line.partition(":")[0] for line in errors.splitlines()] == ["DATABASE_URL", "LOG_LEVEL", "PORT"]


def test_logs_routes_and_no_customer(start: Start, database_url: str) -> None:
    port = free_port()
    process = start(DATABASE_URL=database_url, PORT=str(port), DRAIN_SECONDS="0")
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(url)
    httpx.get(f"{url}/customers/7", params={"who": "ada@example.com"})
    httpx.get(f"{url}/ada@example.com")
    httpx.post(f"{url}/customers", json={"name": "ada@example.com"})
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "orders.access GET /customers/{customer_id} 404" in errors
    assert "orders.access GET (no route) 404" in errors
    assert "orders.access POST /customers 422" in errors
    assert "/healthz" not in errors
    assert "ada" not in errors


def test_log_level_off_is_silent(start: Start, database_url: str) -> None:
    port = free_port()
    process = start(DATABASE_URL=database_url, PORT=str(port), DRAIN_SECONDS="0", LOG_LEVEL="off")
    wait_until_ready(f"http://127.0.0.1:{port}")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=PATIENCE)[1] == ""
