"""A history that is written record by record, and the policy's decisions about it."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ci.ledger.history import Entry, History
from ci.ledger.policy import Decision, PolicyInput, decide
from ci.ledger.records import (
    Approval,
    Build,
    DeliveryEnd,
    DeliveryStart,
    Denial,
    Lift,
    Record,
    Recovery,
    record_id,
    serialize_record,
)
from ci.ledger.signing.statements import Statement
from ci.settings import Settings

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
FILE = """
[app]
name = "shop"
module = "shop.main:app"

[registry]
repository = "localhost:5000/shop"

[people.author]
emails = ["author@example.org"]
roles = ["developer", "lead"]
[people.lead]
github = "lead-login"
roles = ["lead"]
[people.second-lead]
roles = ["lead"]
[people.stakeholder]
roles = ["stakeholder"]
[people.guest]

[environments.dev]
kind = "dev"
edge.port = 1
[environments.acceptance]
kind = "acceptance"
edge.port = 2
features = ["search"]
[environments.production]
kind = "production"
edge.port = 3
deployers = ["lead"]
"""


class World:
    """Settings and a history; each record is one minute after the last one."""

    file = FILE

    def __init__(self, *overrides: str) -> None:
        self.settings = Settings.parse(FILE, overrides)
        self.entries: list[Entry[Record]] = []
        self.problems: list[str] = []
        self.now = BEGIN

    @staticmethod
    def digest(version: str) -> str:
        return f"sha256:{hashlib.sha256(version.encode()).hexdigest()}"

    @property
    def history(self) -> History:
        return History(tuple(self.entries), tuple(self.problems))

    def add(self, record: Record, *, signer: str = "", person: str = "") -> str:
        self.now += timedelta(minutes=1)
        name = record_id(serialize_record(record))
        self.entries.append(Entry(name, record, signer, person))
        return name

    def common(self, by: str) -> dict[str, Any]:
        parents = (self.entries[-1].id,) if self.entries else ()
        return {"app": "shop", "at": self.now, "actor": by or "anonymous", "parents": parents}

    def build(self, version: str, *, digest: str = "", by: str = "author", **details: Any) -> str:
        details = {"author": "author@example.org", "inputs": "0" * 64} | details
        image = f"localhost:5000/shop@{digest or self.digest(version)}"
        return self.add(Build(**self.common(by) | {"version": version, "image": image} | details), signer=by)

    def approve(self, env: str, version: str, by: str, *, forged: bool = False, **details: Any) -> str:
        """Approve; `forged`: no valid signature covers it."""
        about = {"app": "shop", "environment": env, "version": version, "digest": self.digest(version)}
        about |= {name: details.pop(name) for name in list(details) if name in about}
        expires = details.pop("expires", self.now + timedelta(days=7))
        text = Statement(act="approve", at=self.now, expires=expires, **about).text
        rest = {"expires": expires, "statement": text, "signature": "…"} | details
        return self.add(Approval(**self.common(by) | about | rest), person="" if forged else by)

    def deny(self, env: str, version: str, by: str, *, forged: bool = False) -> str:
        return self.add(Denial(**self._statement(env, version, by)), person="" if forged else by)

    def lift(self, env: str, version: str, by: str, *, forged: bool = False) -> str:
        return self.add(Lift(**self._statement(env, version, by)), person="" if forged else by)

    def deploy(self, env: str, version: str, *, by: str = "lead", digest: str = "", **details: Any) -> str:
        """Record a delivery, whether or not policy would allow it."""
        details = {"action": "deploy", "outcome": "succeeded", "features": ("search",)} | details
        digest = digest or self.digest(version)
        start = self.start(env, version, by=by, digest=digest, action=details["action"])
        current = self.history.current(env)
        before = (
            {"previous_version": current.record.version, "previous_digest": current.record.digest} if current else {}
        )
        about = {"environment": env, "version": version, "digest": digest, "start": start}
        return self.add(DeliveryEnd(**self.common(by) | about | before | details), signer=by)

    def start(self, env: str, version: str, *, by: str = "lead", digest: str = "", action: Any = "deploy") -> str:
        about = {"environment": env, "version": version, "digest": digest or self.digest(version), "action": action}
        return self.add(DeliveryStart(**self.common(by) | about), signer=by)

    def recover(self, env: str, version: str, resolution: str, *, start: str = "") -> str:
        about = {"environment": env, "version": version, "digest": self.digest(version) if version else ""}
        details = {"resolution": resolution, "start": start, "message": "found"}
        return self.add(Recovery(**self.common("lead") | about | details), signer="lead")

    def promote(self, version: str, *environments: str, **build: Any) -> None:
        """Build a version, and deploy it everywhere before production, or only where given."""
        self.build(version, **build)
        for name in environments or ("dev", "acceptance"):
            self.deploy(name, version)

    def release(self, version: str, **build: Any) -> None:
        """Take a version the whole way to production."""
        self.promote(version, **build)
        self.approve("production", version, "lead")
        self.approve("production", version, "stakeholder")
        self.deploy("production", version)

    def decide(self, env: str, version: str = "", **wanted: Any) -> Decision:
        wanted = {"actor": "lead", "signed": True, "now": self.now} | wanted
        return decide(self.settings, self.history, PolicyInput(environment=env, version=version, **wanted))

    def _statement(self, env: str, version: str, by: str) -> dict[str, Any]:
        about = {"environment": env, "version": version, "digest": self.digest(version), "reason": "it is broken"}
        return self.common(by) | about | {"statement": "…", "signature": "…"}


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    """Return the class, to make worlds with settings of their own."""
    return World


@pytest.fixture
def world() -> World:
    """Return a world with an empty history."""
    return World()
