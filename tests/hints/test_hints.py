"""Hints for the output of tools and daemons: every text is real output."""

import re

import pytest

from ci.hints import HINTS, KILLED, MARK, find_hint, with_hint

# Parts of the hints' sentences.
SOCKET = "add the user to its group (`sudo usermod -aG docker $USER`"
LOGIN = "give --registry-user and --registry-password (REGISTRYUSER and REGISTRYPASSWORD in .env)"
CERTIFICATE = "is signed by an unknown CA"
DNS = "cannot be resolved"
SPACE = "is full, by bytes or by files"
PORT = "is taken: `sudo ss -ltnp` shows"
PROCESSORS = "does not run on this machine's processors (x86_64)"
SILENT = "does not answer: check that it runs"

OUTPUTS = [
    (
        'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "…"',
        f"this user may not use unix:///var/run/docker.sock: {SOCKET}",
    ),
    ("/var/run/docker.sock: no Docker daemon answers ([Errno 13] Permission denied): is it running", SOCKET),
    (
        "Cannot connect to the Docker daemon at unix:///nowhere.sock. Is the docker daemon running?",
        "no Docker daemon answers at unix:///nowhere.sock: start it",
    ),
    ("toomanyrequests: You have reached your pull rate limit.", "wait, log in (`docker login`)"),
    ("error: no basic auth credentials", f"denies access to this repository: {LOGIN}"),
    ("unauthorized: authentication required", LOGIN),
    ("denied: requested access to the resource is denied", LOGIN),
    (
        "pull access denied for team/shop, repository does not exist or may require 'docker login'",
        f"denies access to team/shop: {LOGIN}",
    ),
    (
        'Get "https://registry.test/v2/": x509: certificate signed by unknown authority',
        f"registry.test {CERTIFICATE}",
    ),
    (
        (
            "urlopen error [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer "
            "certificate (_ssl.c:1006)>"
        ),
        f"a server {CERTIFICATE}",
    ),
    (
        (
            "Max retries exceeded with url: /simple/ (Caused by HTTPSConnectionPool(host='pypi.org', port=443): "
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain"
        ),
        f"pypi.org {CERTIFICATE}",
    ),
    (
        (
            "error: Failed to fetch: https://pypi.org/simple/requests/\n"
            "  cause: error sending request for url (https://pypi.org/simple/requests/)\n"
            "  cause: client error (Connect)\n  cause: invalid peer certificate: UnknownIssuer"
        ),
        f"pypi.org {CERTIFICATE}",
    ),
    ("curl: (60) SSL certificate problem: unable to get local issuer certificate", CERTIFICATE),
    ("server certificate verification failed. CAfile: /etc/ssl/certs/ca-certificates.crt", CERTIFICATE),
    ('Get "https://r.test/v2/": http: server gave HTTP response to HTTPS client', "r.test serves no TLS"),
    (
        (
            "  cause: error sending request for url (https://nowhere.invalid/simple/requests/)\n"
            "  cause: client error (Connect)\n  cause: tunnel error: failed to create underlying connection\n"
            "  cause: tcp connect error\n  cause: Connection refused (os error 111)"
        ),
        "the proxy refused the connection",
    ),
    ("proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused", "the proxy refused the connection"),
    (
        'Get "https://nowhere.invalid/v2/": dial tcp: lookup nowhere.invalid on 10.0.0.2:53: no such host',
        f"nowhere.invalid {DNS}",
    ),
    ("curl: (6) Could not resolve host: nowhere.invalid", f"nowhere.invalid {DNS}"),
    ("W: Failed to fetch http://nowhere.invalid/x  Could not resolve 'nowhere.invalid'", f"nowhere.invalid {DNS}"),
    (
        (
            "  cause: error sending request for url (https://nowhere.invalid/simple/)\n"
            "  cause: client error (Connect)\n  cause: dns error\n  cause: error resolving DNS"
        ),
        f"nowhere.invalid {DNS}",
    ),
    ("urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>", f"a host {DNS}"),
    ("write /var/lib/docker/tmp/x: no space left on device", f"/var/lib/docker/tmp/x {SPACE}"),
    ("OSError: [Errno 122] Disk quota exceeded", f"the disk {SPACE}"),
    (
        "[Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): [errno 98] address already in use",
        f"port 8000 {PORT}",
    ),
    (
        "Error starting userland proxy: listen tcp4 0.0.0.0:5000: bind: address already in use",
        f"port 5000 {PORT}",
    ),
    ("Bind for 0.0.0.0:8080 failed: port is already allocated", f"port 8080 {PORT}"),
    ("Error: listen EADDRINUSE: address already in use :::3000", f"port 3000 {PORT}"),
    ("no suitable node (host-mode port already in use on 1 node)", f"a port {PORT}"),
    ("exec /w/elf: exec format error", f"the program or image (/w/elf) {PROCESSORS}"),
    ("sh: 1: /w/elf: Exec format error", f"the program or image (/w/elf) {PROCESSORS}"),
    (
        (
            "image with reference x was found but does not match the specified platform: wanted linux/arm64, actual: "
            "linux/amd64"
        ),
        "(wanted linux/arm64, actual: linux/amd64)",
    ),
    ("no matching manifest for linux/arm64/v8 in the manifest list entries", "(linux/arm64/v8)"),
    ("killed: out of memory", "the process ran out of memory: "),
    ("MemoryError", "the process ran out of memory: "),
    ("dial tcp 10.0.0.1:443: connect: connection refused", f"10.0.0.1:443 {SILENT}"),
    ("curl: (7) Failed to connect to 127.0.0.1 port 18444 after 0 ms", f"127.0.0.1 port 18444 {SILENT}"),
]


@pytest.mark.parametrize(("output", "sentence"), OUTPUTS)
def test_known_failure_gets_its_hint(output: str, sentence: str) -> None:
    found = find_hint(f"before\n{output}\nafter", machine="x86_64")
    assert found.startswith(MARK)
    assert sentence in found
    assert "\n" not in found
    assert "{" not in found


@pytest.mark.parametrize(
    "output",
    [
        "",
        "1 failed, 3 passed in 1.04s",
        "AssertionError: assert 401 == 200",
        "test_denied PASSED\ntest_unauthorized PASSED",
        "E       ConnectionRefusedError: [Errno 111] Connection refused",
        "x509: certificate has expired or is not yet valid",
    ],
)
def test_unknown_failure_gets_no_hint(output: str) -> None:
    assert find_hint(output) == ""
    assert with_hint(output) == output


def test_text_with_a_hint_gets_no_second_one() -> None:
    output = with_hint("no space left on device")
    assert output.count(MARK) == 1
    assert with_hint(output) == output


def test_exit_code_of_a_kill_gets_the_hint_about_memory() -> None:
    assert find_hint("", exit_code=KILLED, memory="the limit is 64MiB").endswith("the limit is 64MiB")


def test_every_hint_has_a_real_output() -> None:
    found = {hint for hint in HINTS for text, _ in OUTPUTS if any(re.search(p, text) for p in hint.patterns)}
    assert found == set(HINTS)
