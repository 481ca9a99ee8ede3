"""The same failures on this machine: each one is caused on real containers and gets its hint."""

import http.server
import ssl
import struct
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.hints import find_hint
from tests.hints.test_hints import CERTIFICATE, DNS, LOGIN, PORT, PROCESSORS, SILENT, SPACE
from tests.machine import a_free_port, docker
from tests.registries import a_registry

pytestmark = pytest.mark.full

PYTHON = "python:3.13-slim"


def failed(*command: str) -> tuple[int, str]:
    """Run a command that has to fail; return its exit code and its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode, done
    return done.returncode, done.stdout + done.stderr


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    return failed("docker", "run", "--rm", "--entrypoint=", *options, image, *command)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A TLS server whose certificate is signed by an unknown CA; yields its port."""
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
    """A registry without users; yields its address."""
    (tmp_path / "htpasswd").write_text("")
    with a_registry(tmp_path, a_free_port()) as address:
        yield address


@pytest.mark.parametrize("image", ["busybox:1", PYTHON])
def test_taken_port_gets_its_hint(image: str) -> None:
    python = "import socket as s; a = s.create_server(('', 8000)); s.create_server(('', 8000))"
    command = ("python", "-c", python) if image == PYTHON else ("sh", "-c", "nc -l -p 8000 & sleep 1; nc -l -p 8000")
    assert PORT in find_hint(run(image, *command)[1])


def test_taken_port_of_the_host_gets_its_hint() -> None:
    port = a_free_port()
    with http.server.HTTPServer(("", port), http.server.BaseHTTPRequestHandler):
        assert f"port {port} {PORT}" in find_hint(run("busybox:1", "true", options=("-p", f"{port}:80"))[1])


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("busybox:1", ("dd", "if=/dev/zero", "of=/full/x", "bs=1M", "count=1")),
        (PYTHON, ("python", "-c", "open('/full/x', 'wb').write(b'x' * 999999)")),
    ],
)
def test_full_disk_gets_its_hint(image: str, command: tuple[str, ...]) -> None:
    assert SPACE in find_hint(run(image, *command, options=("--tmpfs", "/full:size=100k"))[1])


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("busybox:1", ("wget", "http://nowhere.invalid/")),
        (PYTHON, ("python", "-c", "import urllib.request as u; u.urlopen('http://nowhere.invalid/')")),
    ],
)
def test_unresolved_name_gets_its_hint(image: str, command: tuple[str, ...]) -> None:
    assert DNS in find_hint(run(image, *command)[1])


def test_unresolved_registry_gets_its_hint() -> None:
    assert f"nowhere.invalid {DNS}" in find_hint(failed("docker", "pull", "nowhere.invalid/x")[1])


@pytest.mark.parametrize("tool", ["pip", "urllib"])
def test_certificate_of_an_unknown_ca_gets_its_hint(unknown: int, tool: str) -> None:
    url = f"https://localhost:{unknown}/simple"
    command = {
        "pip": ("pip", "download", "--retries=0", f"--index-url={url}", "anything"),
        "urllib": ("python", "-c", f"import urllib.request as u; u.urlopen('{url}')"),
    }[tool]
    output = run(PYTHON, *command, options=("--network=host", "--env=NO_PROXY=*", "--env=PIP_CONFIG_FILE=/dev/null"))[1]
    assert CERTIFICATE in find_hint(output)


def test_program_for_other_processors_gets_its_hint(tmp_path: Path) -> None:
    # The header of a program for a processor that no machine has: AT&T's WE 32100.
    header = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 1, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    )
    program = tmp_path / "program"
    program.write_bytes(header + bytes(56))
    program.chmod(0o755)
    volume = ("--volume", f"{tmp_path}:/w:ro")
    for command in (("/w/program",), ("python", "-c", "import os; os.execv('/w/program', ['program'])")):
        assert PROCESSORS in find_hint(run(PYTHON, *command, options=volume)[1], machine="x86_64")


def test_killed_process_gets_the_hint_about_memory() -> None:
    limits = ("--memory=32m", "--memory-swap=32m")
    code, output = run(PYTHON, "python", "-c", "x = b'x' * (1 << 28)", options=limits)
    assert "ran out of memory" in find_hint(output, exit_code=code)


def test_registry_that_denies_access_gets_its_hint(closed: str) -> None:
    reference = f"{closed}/{uuid.uuid4().hex[:8]}"
    docker("tag", "busybox:1", reference)
    try:
        assert LOGIN in find_hint(failed("docker", "push", reference)[1])
    finally:
        docker("rmi", reference)


def test_silent_registry_gets_its_hint() -> None:
    port = a_free_port()
    assert f"127.0.0.1:{port} {SILENT}" in find_hint(failed("docker", "pull", f"127.0.0.1:{port}/x")[1])
