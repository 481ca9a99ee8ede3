"""A registry on the lan that asks for a password, with a certificate of a private CA."""

import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.infrastructure.lan import REGISTRY, Lan, run, until

USER = "slipway"
HOST = f"{REGISTRY.split()[1]}:5000"
# The laptop has no line for the registry in its /etc/hosts.
URL = f"https://{REGISTRY.split()[0]}:5000"


@dataclass
class Registry:
    """The registry's container, and what opens it."""

    folder: Path
    container: str

    @classmethod
    def start(cls, folder: Path) -> "Registry":
        """Start a registry that no network reaches yet."""
        password = uuid.uuid4().hex
        (folder / "password").write_text(password)
        make_certificates(folder)
        # Every request is checked against it: a dearer hash would slow each push and pull down by minutes.
        hashed = run("perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, f"$2b$04${uuid.uuid4().hex[:22]}")
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        settings = {
            "REGISTRY_HTTP_TLS_CERTIFICATE": "/auth/registry.pem",
            "REGISTRY_HTTP_TLS_KEY": "/auth/registry.key",
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "slipway",
            "REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd",
            "OTEL_TRACES_EXPORTER": "none",
        }
        variables = [f"--env={key}={value}" for key, value in settings.items()]
        volume = f"--volume={folder}:/auth:ro"
        return cls(folder, run("docker", "run", "--detach", "--network=none", volume, *variables, "registry:3"))

    def join(self, lan: Lan) -> None:
        """Give the registry its place on a lan."""
        process = run("docker", "inspect", "--format", "{{.State.Pid}}", self.container)
        lan.plug(process, "to-registry", REGISTRY.split()[0])
        until(lambda: "listening on" in self._log(), 20)

    @property
    def ca(self) -> str:
        """The CA's certificate."""
        return (self.folder / "ca.pem").read_text()

    @property
    def password(self) -> Path:
        """The file with its user's password."""
        return self.folder / "password"

    def end(self) -> None:
        """Remove it, and everything in it."""
        run("docker", "rm", "--force", "--volumes", self.container)

    def _log(self) -> str:
        done = subprocess.run(["docker", "logs", self.container], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr


def make_certificates(folder: Path) -> None:
    """Make a CA, and a certificate by it for the registry's name."""
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    run(*new, "-subj", "/CN=test CA", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem")
    signed = ("-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-addext", "basicConstraints=CA:FALSE")
    address, name = REGISTRY.split()
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:{address}")
    run(*new, *subject, *signed, "-keyout", f"{folder}/registry.key", "-out", f"{folder}/registry.pem")
