"""The end of a deploy is recorded, and what the target said about what was before."""

from ci.ledger import protocol as p
from ci.ledger.history import History
from ci.ledger.records import Deploy, Record, Recovery, Start, Takeover
from ci.ledger.store.store import Ledger
from tests.ledger.desk import DIGEST, OTHER_DIGEST, Desk

DEV = {"environment": "dev", "version": "1.0"}
STAGES = (
    {"name": "candidate", "ok": True, "message": "2 replicas are healthy", "seconds": 2.5},
    {"name": "prove", "ok": False, "message": "1 of 3 tests failed", "seconds": 1.0},
)


def read(desk: Desk) -> History:
    history = desk.with_ledger(lambda ledger: ledger.read())
    assert isinstance(history, History)
    assert history.problems == ()
    return history


def last(desk: Desk, kind: type[Record]) -> Record:
    return read(desk).of(kind)[-1].record


def start(desk: Desk, version: str = "1.0", who: str = "author") -> p.Admitted:
    return desk.ask(p.Admitted, p.Admit, who, environment="dev", version=version)


def test_everything_about_a_deploy_is_kept(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    desk.deploy("dev", "1.0", "author", serving_before_digest="")
    recorded = desk.deploy(
        "dev", "1.1", "author", outcome="failed", stages=STAGES, address="http://localhost:8080", features="all"
    )
    assert recorded.message == ("dev: deploy of 1.1 (bbbbbbbbbbbb) by author: failed (prove: 1 of 3 tests failed)")
    deploy = last(desk, Deploy)
    assert isinstance(deploy, Deploy)
    assert [stage.model_dump() for stage in deploy.stages] == list(STAGES)
    assert (deploy.from_version, deploy.from_digest, deploy.outcome) == ("1.0", DIGEST, "failed")
    assert (deploy.address, deploy.features) == ("http://localhost:8080", "all")
    assert len(read(desk).of(Recovery)) == 0


def test_a_start_without_an_end_is_ended_by_the_next_deploy(desk: Desk) -> None:
    desk.build()
    killed = start(desk)
    desk.deploy("dev", "1.0", "lead", serving_before_digest="", recovered="undone")
    recovery = last(desk, Recovery)
    assert isinstance(recovery, Recovery)
    assert (recovery.start, recovery.outcome, recovery.digest, recovery.by) == (killed.start, "undone", "", "lead")
    assert recovery.message == "what a deploy had left was undone by the next command (1.0, started by author)"
    assert read(desk).open_starts("dev") == ()


def test_what_was_finished_serves(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    start(desk, "1.1")
    before = {"serving_before_digest": OTHER_DIGEST, "serving_before_version": "1.1"}
    desk.deploy("dev", "1.0", "lead", recovered="finished", **before)
    history = read(desk)
    (recovery,) = history.of(Recovery)
    assert (recovery.record.outcome, recovery.record.version, recovery.record.digest) == (
        "finished",
        "1.1",
        OTHER_DIGEST,
    )
    assert history.of(Deploy)[-1].record.from_digest == OTHER_DIGEST


def test_a_deploy_that_was_killed_before_it_changed_anything(desk: Desk) -> None:
    desk.build()
    start(desk)
    desk.deploy("dev", serving_before_digest="")
    recovery = last(desk, Recovery)
    assert isinstance(recovery, Recovery)
    assert recovery.outcome == "undone"
    assert recovery.message.startswith("a deploy without an end had left nothing to undo")


def test_without_the_lock_nothing_is_said_about_others(desk: Desk) -> None:
    desk.build()
    at_work = start(desk)
    desk.deploy("dev", outcome="refused", stages=({**STAGES[0], "ok": False, "name": "lock"},))
    history = read(desk)
    assert history.of(Recovery) == ()
    assert [entry.id for entry in history.open_starts("dev")] == [at_work.start]


def test_who_still_waits_for_the_lock_is_left_alone(desk: Desk) -> None:
    desk.build()
    first = start(desk)
    waiting = start(desk)
    desk.conclude(first, "dev", "author", serving_before_digest="")
    assert [entry.id for entry in read(desk).open_starts("dev")] == [waiting.start]


def test_what_was_changed_by_hand_is_observed(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    desk.deploy("dev", "1.0", serving_before_digest="")
    desk.deploy("dev", "1.1", serving_before_digest=DIGEST)
    # As scripts/rollback.sh leaves it.
    desk.deploy("dev", "1.1", serving_before_digest=DIGEST)
    (recovery,) = read(desk).of(Recovery)
    assert (recovery.record.outcome, recovery.record.start, recovery.record.version) == ("observed", "", "1.0")
    assert recovery.record.message == (
        "the target was changed by hand, outside the ledger, which said that 1.1 (bbbbbbbbbbbb) serves"
    )


def test_a_lock_that_was_taken_over(desk: Desk) -> None:
    desk.build()
    desk.deploy("dev", took_over="author on a laptop", serving_before_digest="")
    takeover = last(desk, Takeover)
    assert isinstance(takeover, Takeover)
    assert (takeover.holder, takeover.environment) == ("author on a laptop", "dev")


def test_it_is_recorded_once(desk: Desk) -> None:
    desk.build()
    admitted = start(desk)
    first, again = desk.conclude(admitted, "dev"), desk.conclude(admitted, "dev")
    assert (first.id, first.existing, again.id, again.existing) == (first.id, False, first.id, True)
    assert len(read(desk).of(Deploy)) == 1


def test_what_never_started_does_not_end(desk: Desk) -> None:
    desk.build()
    admitted = start(desk)
    end = {"action": "deploy", "version": "1.0", "digest": DIGEST, "outcome": "success"}
    for place in ({"environment": "dev", "start": "0" * 64}, {"environment": "acceptance", "start": admitted.start}):
        refused = desk.ask(p.Refused, p.Conclude, "lead", **end, **place)
        assert refused.message.endswith("was started there")


def test_a_start_says_who_and_why(desk: Desk) -> None:
    desk.build()
    admitted = start(desk)
    (entry,) = read(desk).of(Start)
    assert (entry.id, entry.signer, entry.record.digest) == (admitted.start, "author", DIGEST)
    assert admitted.message == "dev: deploy of 1.0 (aaaaaaaaaaaa) started by author"
    assert (admitted.image, admitted.features) == (f"{desk.settings.registry.repository}@{DIGEST}", "all")


def test_what_a_deploy_could_not_put_right_itself_is_told_when_the_next_did(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    desk.deploy("dev", "1.0", serving_before_digest="")
    failed = start(desk, "1.1")
    desk.conclude(failed, "dev", outcome="failed", serving_before_digest=DIGEST)
    desk.deploy("dev", "1.0", recovered="finished", serving_before_digest=OTHER_DIGEST, serving_before_version="1.1")
    (recovery,) = read(desk).of(Recovery)
    assert (recovery.record.start, recovery.record.outcome, recovery.record.version) == (
        failed.start,
        "finished",
        "1.1",
    )


def test_nobody_else_ends_a_deploy(desk: Desk) -> None:
    desk.build()
    admitted = start(desk)

    async def push_an_end(ledger: Ledger) -> None:
        end = {"environment": "dev", "action": "deploy", "start": admitted.start, "version": "1.0", "digest": DIGEST}
        await ledger.append(await ledger.read(), Deploy, **end, outcome="success")

    desk.with_ledger(push_an_end)
    recorded = desk.conclude(admitted, "dev", "author", outcome="failed")
    assert not recorded.existing
    assert [entry.signer for entry in read(desk).of(Deploy)] == ["", "author"]


def test_a_deploy_that_could_not_tell_its_end_serves(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    killed, cut_off = start(desk, "1.0"), start(desk, "1.1")
    desk.deploy("dev", "1.0", serving_before_digest=OTHER_DIGEST)
    recoveries = {entry.record.start: entry.record for entry in read(desk).of(Recovery)}
    assert (recoveries[killed.start].outcome, recoveries[killed.start].version) == ("undone", "1.1")
    assert recoveries[cut_off.start].outcome == "finished"
    assert recoveries[cut_off.start].message.startswith("a deploy that could not tell how it ended serves (1.1")
    assert len(recoveries) == 2


def test_a_deploy_that_lost_its_target_when_all_was_done_serves(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    desk.deploy("dev", "1.0", serving_before_digest="")
    cut_off = start(desk, "1.1")
    switched = {**STAGES[0], "name": "switch", "ok": True}
    desk.conclude(cut_off, "dev", outcome="failed", stages=(switched,), serving_before_digest=DIGEST)
    # Nothing was half done any more.
    desk.deploy("dev", "1.0", serving_before_digest=OTHER_DIGEST, serving_before_version="1.1")
    (recovery,) = read(desk).of(Recovery)
    assert (recovery.record.start, recovery.record.outcome, recovery.record.version) == (
        cut_off.start,
        "finished",
        "1.1",
    )
    assert recovery.record.message.startswith("a deploy that could not tell how it ended serves (1.1")


def test_what_was_switched_to_by_hand_is_no_deploy_that_failed(desk: Desk) -> None:
    desk.build()
    desk.build("1.1", OTHER_DIGEST)
    desk.deploy("dev", "1.0", serving_before_digest="")
    desk.conclude(start(desk, "1.1"), "dev", outcome="failed", serving_before_digest=DIGEST)
    desk.deploy("dev", "1.0", serving_before_digest=OTHER_DIGEST)
    (recovery,) = read(desk).of(Recovery)
    assert recovery.record.outcome == "observed"
