"""A release is walked from dev to production and back, by requests alone."""

from ci.ledger import protocol as p
from tests.ledger.desk import DIGEST, OTHER_DIGEST, Desk


def walk(desk: Desk, version: str = "1.0", digest: str = DIGEST) -> None:
    desk.build(version, digest)
    desk.deploy("dev", version, "author")
    desk.ask(p.Recorded, p.Approve, "lead", environment="acceptance", version=version)
    desk.deploy("acceptance", version)
    for name in ("lead", "stakeholder"):
        desk.ask(p.Recorded, p.Approve, name, environment="production", version=version)
    desk.deploy("production", version)


def test_a_release_is_walked_to_production_and_back(desk: Desk) -> None:
    walk(desk)
    walk(desk, "1.1", OTHER_DIGEST)
    back = desk.ask(p.Admitted, p.Admit, "lead", environment="production", action="rollback")
    assert (back.version, back.digest, back.from_version) == ("1.0", DIGEST, "1.1")
    desk.conclude(back, "production", action="rollback", serving_before_digest=OTHER_DIGEST)
    found = desk.ask(p.Viewed, p.Read, view="environments").environments
    assert found is not None
    assert [one.version for one in found.environments] == ["1.1", "1.1", "1.0"]
    assert desk.problems() == []
