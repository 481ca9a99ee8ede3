"""The registry image itself, with a password and a certificate of a private CA."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci.ledger.errors import DeniedError, UnreachableError
from ci.ledger.history import Entry
from ci.ledger.records import Build
from ci.ledger.store import registry
from ci.ledger.store.connection import RegistryAccess
from tests.ledger.workspace import Workspace
from tests.machine import a_free_port
from tests.registries import a_registry

pytestmark = pytest.mark.full


@dataclass
class PrivateRegistry:
    """A registry with a login and a certificate of a private CA."""

    folder: Path
    url: str

    def build(self, workspace: Workspace, password: str = "password") -> tuple[Entry[Build], bool]:  # noqa: S107 - a file's name
        """Record a build with a password."""
        workspace.access = RegistryAccess(url=self.url, user="author", password_file=str(self.folder / password))
        return workspace.build()


@pytest.fixture
def trust(private: PrivateRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that makes a CA the system's only one."""

    def use(ca: str) -> None:
        registry._trusted.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(private.folder / ca))

    yield use
    registry._trusted.cache_clear()


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRegistry]:
    """Return a running registry."""
    folder, port = tmp_path_factory.mktemp("registry"), a_free_port()
    (folder / "password").write_text(f"{uuid.uuid4().hex}\n")
    (folder / "wrong").write_text("wrong")
    password = (folder / "password").read_text().strip()
    # The cheapest hash that the registry accepts: it computes one for every request.
    salt = f"$2y$05${uuid.uuid4().hex[:21]}u"
    hashed = run("perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, salt)
    (folder / "htpasswd").write_text(f"author:{hashed}\n")
    certify(folder)
    tls = {"HTTP_TLS_CERTIFICATE": "/auth/registry.pem", "HTTP_TLS_KEY": "/auth/registry.key"}
    with a_registry(folder, port, **tls) as address:
        yield PrivateRegistry(folder, f"https://{address}")


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


def test_ledger_is_kept_in_a_private_registry(
    private: PrivateRegistry, workspace: Workspace, trust: Callable[[str], None]
) -> None:
    trust("ca.pem")
    first, _ = private.build(workspace)
    again, existing = private.build(workspace)
    assert (again.id, existing) == (first.id, True)


def test_wrong_password_is_denied(private: PrivateRegistry, workspace: Workspace, trust: Callable[[str], None]) -> None:
    trust("ca.pem")
    with pytest.raises(DeniedError, match=r"the registry does not accept the login \(401"):
        private.build(workspace, password="wrong")  # noqa: S106 - a file's name


def test_unknown_ca_is_unreachable(
    private: PrivateRegistry, workspace: Workspace, trust: Callable[[str], None]
) -> None:
    trust("other.pem")
    with pytest.raises(UnreachableError, match="TLS certificate is signed by an unknown CA"):
        private.build(workspace)
