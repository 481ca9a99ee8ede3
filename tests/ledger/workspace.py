"""A ledger in a real registry, the people of a team with real keys, and what they do."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ci.ledger.builds import record_build
from ci.ledger.decisions import CurrentDecision, check_policy
from ci.ledger.errors import RefusedError
from ci.ledger.github import GithubAccess
from ci.ledger.history import Entry, History
from ci.ledger.policy import DeliveryInput
from ci.ledger.records import Approval, Build, BuildDescription, DeliveryEnd, DeliveryStart, Denial, Lift
from ci.ledger.signed_statements import SignedText, StatementInput
from ci.ledger.signing.signatures import Signatures, SigningKey
from ci.ledger.statements import record_approval, record_denial, record_lift
from ci.ledger.store.connection import RegistryAccess, open_ledger
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

T = TypeVar("T")


def ssh_keygen(*arguments: str, text: str = "") -> str:
    """Run ssh-keygen, as people do."""
    return subprocess.run(["ssh-keygen", *arguments], input=text, capture_output=True, text=True, check=True).stdout


def new_key(path: Path, passphrase: str = "") -> Path:
    ssh_keygen("-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", str(path))
    return path


def refusal(work: Callable[[], object]) -> str:
    """Return the reasons with which policy refuses some work."""
    with pytest.raises(RefusedError) as caught:
        work()
    return str(caught.value)


@dataclass
class Started:
    """A delivery that policy allowed, and the record of its start."""

    found: CurrentDecision
    start: Entry[DeliveryStart]
    history: History


@dataclass
class Workspace:
    """The ledger of one app; `who` is the person whose key signs, and empty for none."""

    settings: Settings
    keys: dict[str, Path]
    allowed_signers: str
    revoked: str = ""
    access: RegistryAccess = field(default_factory=RegistryAccess)

    def key(self, who: str) -> SigningKey:
        return SigningKey(key_file=str(self.keys[who])) if who else SigningKey()

    @asynccontextmanager
    async def open(self, who: str = "", key: SigningKey | None = None) -> AsyncIterator[Ledger]:
        """Open the ledger."""
        signatures = Signatures(self.allowed_signers, self.revoked, key or self.key(who))
        async with open_ledger(self.settings, self.access, signatures) as ledger:
            yield ledger

    def run(self, work: Callable[[Ledger], Awaitable[T]], who: str = "", key: SigningKey | None = None) -> T:
        """Do some work with the ledger."""

        async def opened() -> T:
            async with self.open(who, key) as ledger:
                return await work(ledger)

        return asyncio.run(opened())

    def read(self) -> History:
        return self.run(lambda ledger: ledger.read())

    def record(self, build: BuildDescription, who: str = "author") -> tuple[Entry[Build], bool]:
        """Record a build; the flag is true where it existed."""
        return self.run(lambda ledger: record_build(ledger, self.settings.people, build), who)

    def build(
        self, version: str = "1.0", digest: str = DIGEST, who: str = "author", **details: Any
    ) -> tuple[Entry[Build], bool]:
        """Record a build of a digest."""
        image = f"{self.settings.registry.repository}@{digest}"
        details = {"inputs": f"inputs of {digest}", "author": "author@example.org", "tests": 12} | details
        return self.record(BuildDescription(version=version, image=image, **details), who)

    def approve(
        self,
        who: str,
        environment: str,
        version: str = "1.0",
        *,
        signed: SignedText | None = None,
        key: SigningKey | None = None,
        note: str = "",
        seconds: float = 0,
    ) -> Entry[Approval]:
        about = StatementInput("approve", environment, version, seconds=seconds)
        return self.run(lambda ledger: record_approval(ledger, self.settings, about, signed, note=note), who, key)

    def deny(self, who: str, environment: str, reason: str, signed: SignedText | None = None) -> Entry[Denial]:
        about = StatementInput("deny", environment, "1.0", reason)
        return self.run(lambda ledger: record_denial(ledger, self.settings, about, signed), who)

    def lift(self, who: str, environment: str, reason: str, signed: SignedText | None = None) -> Entry[Lift]:
        about = StatementInput("lift", environment, "1.0", reason)
        return self.run(lambda ledger: record_lift(ledger, self.settings, about, signed), who)

    def check(
        self, who: str, environment: str, version: str = "1.0", github: GithubAccess | None = None, **details: Any
    ) -> CurrentDecision:
        """Check whether policy allows a delivery; raises RefusedError."""
        delivery = DeliveryInput(environment=environment, version=version, **details)
        return self.run(lambda ledger: check_policy(ledger, self.settings, delivery, github), who)

    def start(
        self, who: str, environment: str, version: str = "1.0", github: GithubAccess | None = None, **details: Any
    ) -> Started:
        """Record the start of a delivery that policy allows; raises RefusedError."""
        found = self.check(who, environment, version, github, **details)
        fields = {
            name: getattr(found.decision, name) for name in ("environment", "action", "version", "digest", "override")
        }
        start, history = self.run(lambda ledger: ledger.append(found.history, DeliveryStart, **fields), who)
        return Started(found, start, history)

    def end(self, started: Started, who: str = "lead", **details: Any) -> Entry[DeliveryEnd]:
        """Record the end of a delivery, which succeeds unless `details` has another outcome."""
        decision = started.found.decision
        current = started.history.current(decision.environment)
        fields = {name: getattr(decision, name) for name in ("environment", "action", "version", "digest", "features")}
        fields |= {"start": started.start.id, "outcome": "succeeded"}
        if current:
            fields |= {"previous_version": current.record.version, "previous_digest": current.record.digest}
        fields |= details
        entry, _ = self.run(lambda ledger: ledger.append(started.history, DeliveryEnd, **fields), who)
        return entry

    def deliver(
        self,
        environment: str,
        version: str = "1.0",
        who: str = "lead",
        *,
        github: GithubAccess | None = None,
        action: str = "deploy",
        **details: Any,
    ) -> Entry[DeliveryEnd]:
        """Record a delivery that policy allows; raises RefusedError."""
        return self.end(self.start(who, environment, version, github, action=action), who, **details)
