"""The registry image itself, with a password and a certificate of a private CA."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci.ledger import protocol as p
from tests.ledger.desk import DIGEST, Desk
from tests.machine import a_free_port
from tests.registries import a_registry

pytestmark = pytest.mark.full


@dataclass
class Private:
    """A registry that not everybody reaches."""

    folder: Path
    url: str

    def ask(self, desk: Desk, password: str = "password", ca: str = "ca.pem") -> p.AnyOutcome:  # noqa: S107 - a file's name
        """Record a build, in a process that trusts a CA."""
        desk.access = p.Access(url=self.url, user="author", password_file=str(self.folder / password))
        request = desk.request(p.RecordBuild, "author", version="1.0", image=f"r@{DIGEST}", inputs="a")
        command, environment = [sys.executable, "-m", "ci.ledger"], {"SSL_CERT_FILE": str(self.folder / ca)}
        text = subprocess.run(
            command,
            input=request.model_dump_json(),
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return p.read_outcome(text.stdout)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    """A registry that runs."""
    folder, port = tmp_path_factory.mktemp("registry"), a_free_port()
    (folder / "password").write_text(f"{uuid.uuid4().hex}\n")
    (folder / "wrong").write_text("wrong")
    word = (folder / "password").read_text().strip()
    # The cheapest hash that the registry takes: it computes one for every request.
    salt = f"$2y$05${uuid.uuid4().hex[:21]}u"
    hashed = run("perl", "-e", "print crypt($ARGV[0], $ARGV[1])", word, salt)
    (folder / "htpasswd").write_text(f"author:{hashed}\n")
    certify(folder)
    tls = {"HTTP_TLS_CERTIFICATE": "/auth/registry.pem", "HTTP_TLS_KEY": "/auth/registry.key"}
    with a_registry(folder, port, **tls) as address:
        yield Private(folder, f"https://{address}")


def certify(folder: Path) -> None:
    """Make two CAs, and a certificate by the first."""
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        run(*new, "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    signed = ("-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-addext", "basicConstraints=CA:FALSE")
    run(*new, *subject, *signed, "-keyout", f"{folder}/registry.key", "-out", f"{folder}/registry.pem")


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_ledger_is_kept_there(private: Private, desk: Desk) -> None:
    recorded = private.ask(desk)
    assert isinstance(recorded, p.Recorded), recorded
    again = private.ask(desk)
    assert isinstance(again, p.Recorded), again
    assert (again.id, again.existing) == (recorded.id, True)


def test_a_wrong_password_is_refused(private: Private, desk: Desk) -> None:
    failed = private.ask(desk, password="wrong")  # noqa: S106 - a file's name
    assert isinstance(failed, p.Failed), failed
    assert failed.reason == "denied"
    assert "the registry does not let us in (401" in failed.message


def test_a_ca_that_is_not_trusted(private: Private, desk: Desk) -> None:
    failed = private.ask(desk, ca="other.pem")
    assert isinstance(failed, p.Failed), failed
    assert failed.reason == "unreachable"
    assert "is its CA among the system's?" in failed.message
