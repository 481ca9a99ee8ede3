"""A version maps to one image for ever."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from ci.ledger import protocol as p
from ci.ledger.builds import stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.history import History
from ci.ledger.records import Build
from ci.ledger.store.store import Ledger
from tests.ledger.desk import DIGEST, OTHER_DIGEST, Desk


def test_the_same_inputs_keep_the_stored_image(desk: Desk) -> None:
    first = desk.build(inputs="the same")
    assert first.image.endswith(DIGEST)
    again = desk.build(digest=OTHER_DIGEST, inputs="the same")
    assert (again.id, again.image, again.existing) == (first.id, first.image, True)
    assert len(desk.with_ledger(lambda ledger: ledger.read()).builds("1.0")) == 1


def test_an_unsigned_build_is_signed_by_who_vouches_for_it_later(desk: Desk) -> None:
    desk.build(inputs="the same", who="")
    assert not desk.ask(p.Found, p.FindBuild, version="1.0", inputs="the same").signed
    signed = desk.build(digest=OTHER_DIGEST, inputs="the same", tests=0)
    assert signed.image.endswith(DIGEST)
    assert desk.ask(p.Found, p.FindBuild, version="1.0", inputs="the same").signed
    first, second = desk.with_ledger(lambda ledger: ledger.read()).builds("1.0")
    assert (first.signer, second.signer) == ("", "author")
    assert (second.record.tests, second.record.digest) == (first.record.tests, first.record.digest)


def test_other_inputs_are_refused(desk: Desk) -> None:
    desk.build(inputs="the first")
    image = f"{desk.settings.registry.repository}@{OTHER_DIGEST}"
    for kind, details in ((p.RecordBuild, {"image": image}), (p.FindBuild, {})):
        refused = desk.ask(p.Refused, kind, "author", version="1.0", inputs="others", **details)
        assert refused.message.startswith("1.0 is sha256:aaaaaaaaaaaa for ever, built ")
        assert refused.message.endswith("by author from other sources or settings: give this one another version")


def test_a_version_is_found(desk: Desk) -> None:
    assert desk.ask(p.Found, p.FindBuild, version="1.0", inputs="a").image == ""
    built = desk.build(inputs="a")
    for inputs in ("a", ""):
        found = desk.ask(p.Found, p.FindBuild, version="1.0", inputs=inputs)
        assert (found.id, found.image, found.inputs) == (built.id, built.image, "a")
    assert desk.ask(p.Found, p.FindBuild, version="1.1").image == ""


def test_everything_about_a_build_is_kept(desk: Desk) -> None:
    details: dict[str, Any] = {
        "commit": "c" * 40,
        "dirty": True,
        "sbom": "d" * 64,
        "provenance": {"_type": "https://in-toto.io/Statement/v1", "predicate": {"steps": [1, 2.5, None]}},
        "migrations": ("1.sql", "2.sql"),
        "forward_compatible": False,
    }
    desk.build(**details)
    (entry,) = desk.with_ledger(lambda ledger: ledger.read()).entries
    build = entry.record
    assert {name: getattr(build, name) for name in details} == details
    # By the e-mail of the commit.
    assert (build.author, build.digest, build.tests) == ("author", DIGEST, 12)


async def append_build(ledger: Ledger, history: History, digest: str) -> History:
    _, after = await ledger.append(history, Build, version="1.0", image=f"r@{digest}", inputs=digest)
    return after


async def test_two_builds_at_once_are_nobodys(ledger: Ledger) -> None:
    seen = await ledger.read()
    await asyncio.gather(*(append_build(ledger, seen, digest) for digest in (DIGEST, OTHER_DIGEST)))
    try:
        stored_build(await ledger.read(), "1.0")
    except RefusedError as error:
        assert str(error).startswith("1.0 was built twice at once, as sha256:")  # noqa: PT017 - one of two orders
    else:
        raise AssertionError("one of them was taken")


async def test_a_build_that_knew_of_the_first_changes_nothing(ledger: Ledger) -> None:
    history = await append_build(ledger, await append_build(ledger, History(), DIGEST), OTHER_DIGEST)
    stored = stored_build(history, "1.0")
    assert stored is not None
    assert stored.record.digest == DIGEST


async def test_an_unsigned_build_does_not_burn_a_signed_version(ledger: Ledger) -> None:
    history = await append_build(ledger, History(), DIGEST)
    forged = Build(
        app="orders", at=datetime(2020, 1, 1, tzinfo=UTC), version="1.0", image=f"r@{OTHER_DIGEST}", inputs=""
    )
    entries = (history.entries[0].__class__("0" * 64, forged), *history.entries)
    stored = stored_build(History(entries), "1.0")
    assert stored is not None
    assert stored.record.digest == DIGEST
