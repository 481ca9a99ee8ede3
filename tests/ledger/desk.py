"""Where the tests ask the ledger for something, and the people who do."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ci.ledger import protocol as p
from ci.ledger.handling import answer, opened
from ci.ledger.store.store import Ledger
from ci.settings import Settings

PEOPLE = ("author", "lead", "stakeholder")
SETTINGS = """
[app]
name = "{name}"
dockerfile = "Dockerfile"

[registry]
repository = "localhost:5000/slipway-test/{repository}"

[people.author]
emails = ["author@example.org"]
roles = ["developer"]

[people.lead]
roles = ["lead"]

[people.stakeholder]
roles = ["stakeholder"]

[environments.dev]
kind = "dev"

[environments.acceptance]
kind = "acceptance"
edge.port = 8081

[environments.production]
kind = "production"
edge.port = 8082
"""
DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64

T = TypeVar("T", bound=p.Outcome)


def ssh_keygen(*arguments: str, text: str = "") -> str:
    """Run ssh-keygen, as people do."""
    return subprocess.run(["ssh-keygen", *arguments], input=text, capture_output=True, text=True, check=True).stdout


def new_key(path: Path, passphrase: str = "") -> Path:
    ssh_keygen("-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", str(path))
    return path


@dataclass
class Desk:
    """Where people ask the ledger for something."""

    settings: Settings
    keys: dict[str, Path]
    allowed_signers: str
    revoked: str = ""
    access: p.Access = field(default_factory=p.Access)

    def request(self, kind: type[p.Request], who: str = "", **details: Any) -> Any:
        """Write a request by somebody; empty: by nobody who signs."""
        signer = p.SigningKey(key_file=str(self.keys[who])) if who else p.SigningKey()
        details.setdefault("signer", signer)
        keys = p.Keys(allowed_signers=self.allowed_signers, revoked=self.revoked)
        return kind(settings=self.settings, access=self.access, keys=keys, **details)

    def ask(self, expected: type[T], kind: type[p.Request], who: str = "", **details: Any) -> T:
        """Ask for something and return the outcome, which is of the expected kind."""
        outcome = asyncio.run(answer(self.request(kind, who, **details)))
        assert isinstance(outcome, expected), outcome
        return outcome

    def with_ledger(self, work: Callable[[Ledger], Coroutine[Any, Any, Any]], who: str = "") -> Any:
        """Do something with the ledger itself, as somebody."""

        async def done() -> Any:
            async with opened(self.request(p.Read, who, view="history")) as ledger:
                return await work(ledger)

        return asyncio.run(done())

    def problems(self) -> list[str]:
        """Return what is wrong with the ledger."""
        return list(self.with_ledger(lambda ledger: ledger.read()).problems)

    def build(self, version: str = "1.0", digest: str = DIGEST, who: str = "author", **details: Any) -> p.Recorded:
        """Record a build."""
        image = f"{self.settings.registry.repository}@{digest}"
        details = {"inputs": f"inputs of {digest}", "author": "author@example.org", "tests": 12} | details
        return self.ask(p.Recorded, p.RecordBuild, who, version=version, image=image, **details)

    def deploy(self, environment: str, version: str = "1.0", who: str = "lead", **details: Any) -> p.Recorded:
        """Deploy, as far as the ledger is told."""
        asked = {name: details.pop(name) for name in ("action", "override", "force") if name in details}
        admitted = self.ask(p.Admitted, p.Admit, who, environment=environment, version=version, **asked)
        return self.conclude(admitted, environment, who, **{"action": asked.get("action", "deploy")} | details)

    def conclude(self, admitted: p.Admitted, environment: str, who: str = "lead", **details: Any) -> p.Recorded:
        """Record the end of what was admitted."""
        told: dict[str, Any] = {
            "version": admitted.version,
            "digest": admitted.digest,
            "start": admitted.start,
            "outcome": "success",
        }
        told |= {"action": "deploy", "features": admitted.features, "environment": environment}
        return self.ask(p.Recorded, p.Conclude, who, **told | details)
