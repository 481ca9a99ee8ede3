"""Builds: a version maps to one image for good."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ci.ledger.builds import find_test_image, stored_build
from ci.ledger.errors import RefusedError
from ci.ledger.history import Entry, History
from ci.ledger.records import Build, serialize_record
from ci.ledger.store.store import Ledger
from tests.ledger.attacker import push, signed_by
from tests.ledger.workspace import DIGEST, OTHER_DIGEST, Workspace, refusal


def test_build_of_the_same_inputs_keeps_the_stored_image(workspace: Workspace) -> None:
    first, existing = workspace.build(inputs="the same")
    assert (first.record.digest, existing) == (DIGEST, False)
    again, existing = workspace.build(digest=OTHER_DIGEST, inputs="the same")
    assert (again.id, again.record.image, existing) == (first.id, first.record.image, True)
    assert len(workspace.read().builds("1.0")) == 1


def test_run_with_a_key_signs_its_own_build_and_not_a_strangers(workspace: Workspace) -> None:
    stranger, _ = workspace.build(digest=OTHER_DIGEST, inputs="the same", who="")
    assert stored_build(workspace.read(), "1.0", "the same", signed=True) is None
    own, existing = workspace.build(inputs="the same", test_image=f"localhost:5000/orders@{DIGEST}")
    assert (own.record.digest, own.signer, existing) == (DIGEST, "author", False)
    history = workspace.read()
    assert [(entry.record.digest, entry.signer) for entry in history.builds("1.0")] == [
        (OTHER_DIGEST, ""),
        (DIGEST, "author"),
    ]
    assert stranger.signer == ""
    for signed in (True, False):
        stored = stored_build(history, "1.0", "the same", signed=signed)
        assert stored is not None
        assert stored.id == own.id
    assert workspace.build(inputs="the same")[0].id == own.id
    # A run without a key uses what is signed as well.
    assert workspace.build(inputs="the same", who="")[0].id == own.id


def test_build_with_an_unknown_key_is_not_signed_either(workspace: Workspace) -> None:
    async def forge(ledger: Ledger) -> None:
        fields = {"app": "orders", "at": datetime.now(UTC), "actor": "author", "inputs": "the same"}
        build = Build(**fields, version="1.0", image=f"localhost:5000/orders@{OTHER_DIGEST}")
        await push(ledger, build, await signed_by(workspace, "stranger", serialize_record(build)))

    workspace.run(forge)
    own, existing = workspace.build(inputs="the same")
    assert (own.record.digest, own.signer, existing) == (DIGEST, "author", False)


def test_unsigned_record_of_other_sources_does_not_block_a_version(workspace: Workspace) -> None:
    workspace.build(digest=OTHER_DIGEST, inputs="a stranger's", who="")
    own, existing = workspace.build(inputs="ours")
    assert (own.record.digest, existing) == (DIGEST, False)


def test_build_of_other_inputs_is_refused(workspace: Workspace) -> None:
    workspace.build(inputs="the first")
    message = refusal(lambda: workspace.build(digest=OTHER_DIGEST, inputs="others"))
    assert message.startswith("1.0 is sha256:aaaaaaaaaaaa for good, built ")
    assert message.endswith("by author from other sources or settings: choose another version")
    assert refusal(lambda: stored_build(workspace.read(), "1.0", "others")) == message


def test_stored_build_is_found_by_its_version(workspace: Workspace) -> None:
    assert stored_build(workspace.read(), "1.0", "a") is None
    built, _ = workspace.build(inputs="a")
    for inputs in ("a", ""):
        found = stored_build(workspace.read(), "1.0", inputs)
        assert found
        assert (found.id, found.record.image, found.record.inputs) == (built.id, built.record.image, "a")
    assert stored_build(workspace.read(), "1.1") is None


def test_build_record_keeps_every_fact(workspace: Workspace) -> None:
    details: dict[str, Any] = {
        "commit": "c" * 40,
        "test_image": f"localhost:5000/orders-tests@{OTHER_DIGEST}",
        "dirty": True,
        "sbom": "d" * 64,
        "provenance": {"_type": "https://in-toto.io/Statement/v1", "predicate": {"steps": [1, 2.5, None]}},
        "migrations": ("1.sql", "2.sql"),
        "forward_compatible": False,
    }
    workspace.build(**details)
    (entry,) = workspace.read().of(Build)
    build = entry.record
    assert {name: getattr(build, name) for name in details} == details
    # The author is found by the commit's e-mail address.
    assert (build.author, build.digest, build.tests) == ("author", DIGEST, 12)


async def append_build(ledger: Ledger, history: History, digest: str) -> History:
    _, after = await ledger.append(history, Build, version="1.0", image=f"r@{digest}", inputs=digest)
    return after


async def test_two_builds_at_once_are_refused(ledger: Ledger) -> None:
    seen = await ledger.read()
    await asyncio.gather(*(append_build(ledger, seen, digest) for digest in (DIGEST, OTHER_DIGEST)))
    history = await ledger.read()
    with pytest.raises(RefusedError) as caught:
        stored_build(history, "1.0")
    message = str(caught.value)
    assert message.startswith("1.0 was built as sha256:")
    assert all(f"{digest[:19]} by lead" in message for digest in (DIGEST, OTHER_DIGEST))


async def test_later_build_with_another_digest_is_refused_too(ledger: Ledger) -> None:
    history = await append_build(ledger, await append_build(ledger, History(), DIGEST), OTHER_DIGEST)
    with pytest.raises(RefusedError, match=f"^1.0 was built as {DIGEST[:19]} by lead and as {OTHER_DIGEST[:19]}"):
        stored_build(history, "1.0")


async def test_unsigned_build_does_not_replace_a_signed_one(ledger: Ledger) -> None:
    history = await append_build(ledger, History(), DIGEST)
    forged = Build(
        app="orders", at=datetime(2020, 1, 1, tzinfo=UTC), version="1.0", image=f"r@{OTHER_DIGEST}", inputs=""
    )
    entries = (replace(history.entries[0], id="0" * 64, record=forged, signer=""), *history.entries)
    stored = stored_build(History(entries), "1.0")
    assert stored is not None
    assert stored.record.digest == DIGEST


def build_with(test_image: str, signer: str = "", digest: str = DIGEST) -> Entry[Build]:
    """Return the build record of a test image."""
    image, tests = f"localhost:5000/orders@{digest}", f"localhost:5000/orders@sha256:{test_image * 64}"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Entry(
        test_image, Build(app="orders", at=at, version="1.0", image=image, test_image=tests, inputs=""), signer
    )


def test_test_image_of_a_signed_build_counts_before_an_unsigned_one() -> None:
    history = History((build_with("e"), build_with("a", signer="author")))
    assert find_test_image(history, DIGEST) == f"localhost:5000/orders@sha256:{'a' * 64}"


def test_test_image_is_found_by_digest_where_a_version_has_several_builds() -> None:
    history = History((build_with("a"), build_with("b", digest=OTHER_DIGEST)))
    assert find_test_image(history, DIGEST) == f"localhost:5000/orders@sha256:{'a' * 64}"
    assert find_test_image(history, OTHER_DIGEST) == f"localhost:5000/orders@sha256:{'b' * 64}"
    assert find_test_image(History(), DIGEST) == ""


def test_signed_build_without_tests_gets_no_test_image_of_an_unsigned_record() -> None:
    signed = build_with("a", signer="author")
    without = replace(signed, record=signed.record.model_copy(update={"test_image": ""}))
    assert find_test_image(History((build_with("e"), without)), DIGEST) == ""
