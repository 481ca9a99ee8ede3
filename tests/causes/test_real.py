"""What the same failures look like here and now: each is made on real containers, and what they say is understood."""

import http.server
import ssl
import struct
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.causes import advice
from tests.causes.test_said import CERTIFICATE, DNS, LOGIN, PORT, PROCESSORS, SILENT, SPACE
from tests.machine import a_free_port, docker
from tests.registries import a_registry

pytestmark = pytest.mark.full

PYTHON = "python:3.13-slim"


def failed(*command: str) -> tuple[int, str]:
    """Run a command that has to fail; return its exit code and what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode, done
    return done.returncode, done.stdout + done.stderr


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    return failed("docker", "run", "--rm", "--entrypoint=", *options, image, *command)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A TLS server whose certificate is of nobody's CA, by its port."""
    folder = tmp_path_factory.mktemp("tls")
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    files = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run(
        [*new, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", *files],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[str]:
    """A registry that lets nobody in, by its address."""
    (tmp_path / "htpasswd").write_text("")
    with a_registry(tmp_path, a_free_port()) as address:
        yield address


@pytest.mark.parametrize("image", ["busybox:1", PYTHON])
def test_a_port_that_is_taken(image: str) -> None:
    python = "import socket as s; a = s.create_server(('', 8000)); s.create_server(('', 8000))"
    command = ("python", "-c", python) if image == PYTHON else ("sh", "-c", "nc -l -p 8000 & sleep 1; nc -l -p 8000")
    assert PORT in advice(run(image, *command)[1])


def test_a_port_of_the_host_that_is_taken() -> None:
    port = a_free_port()
    with http.server.HTTPServer(("", port), http.server.BaseHTTPRequestHandler):
        assert f"port {port} {PORT}" in advice(run("busybox:1", "true", options=("-p", f"{port}:80"))[1])


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("busybox:1", ("dd", "if=/dev/zero", "of=/full/x", "bs=1M", "count=1")),
        (PYTHON, ("python", "-c", "open('/full/x', 'wb').write(b'x' * 999999)")),
    ],
)
def test_a_full_disk(image: str, command: tuple[str, ...]) -> None:
    assert SPACE in advice(run(image, *command, options=("--tmpfs", "/full:size=100k"))[1])


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("busybox:1", ("wget", "http://nowhere.invalid/")),
        (PYTHON, ("python", "-c", "import urllib.request as u; u.urlopen('http://nowhere.invalid/')")),
    ],
)
def test_a_name_without_an_address(image: str, command: tuple[str, ...]) -> None:
    assert DNS in advice(run(image, *command)[1])


def test_a_registry_without_an_address() -> None:
    assert f"nowhere.invalid {DNS}" in advice(failed("docker", "pull", "nowhere.invalid/x")[1])


@pytest.mark.parametrize("tool", ["pip", "urllib"])
def test_a_certificate_of_an_unknown_ca(unknown: int, tool: str) -> None:
    url = f"https://localhost:{unknown}/simple"
    command = {
        "pip": ("pip", "download", "--retries=0", f"--index-url={url}", "anything"),
        "urllib": ("python", "-c", f"import urllib.request as u; u.urlopen('{url}')"),
    }[tool]
    said = run(PYTHON, *command, options=("--network=host", "--env=NO_PROXY=*", "--env=PIP_CONFIG_FILE=/dev/null"))[1]
    assert CERTIFICATE in advice(said)


def test_a_program_for_other_processors(tmp_path: Path) -> None:
    # The header of a program for processors that nobody has: AT&T's WE 32100.
    header = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 1, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    )
    program = tmp_path / "program"
    program.write_bytes(header + bytes(56))
    program.chmod(0o755)
    volume = ("--volume", f"{tmp_path}:/w:ro")
    for command in (("/w/program",), ("python", "-c", "import os; os.execv('/w/program', ['program'])")):
        assert PROCESSORS in advice(run(PYTHON, *command, options=volume)[1], machine="x86_64")


def test_too_little_memory() -> None:
    limits = ("--memory=32m", "--memory-swap=32m")
    code, said = run(PYTHON, "python", "-c", "x = b'x' * (1 << 28)", options=limits)
    assert "it needed more memory" in advice(said, exit_code=code)


def test_a_registry_that_asks_who_it_is(closed: str) -> None:
    reference = f"{closed}/{uuid.uuid4().hex[:8]}"
    docker("tag", "busybox:1", reference)
    try:
        assert LOGIN in advice(failed("docker", "push", reference)[1])
    finally:
        docker("rmi", reference)


def test_a_registry_that_is_not_there() -> None:
    port = a_free_port()
    assert f"127.0.0.1:{port} {SILENT}" in advice(failed("docker", "pull", f"127.0.0.1:{port}/x")[1])
