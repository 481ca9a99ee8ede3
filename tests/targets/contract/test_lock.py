"""The lock and the intent of a target."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ci.targets.errors import LockedByPersonError, LockedError
from ci.targets.target import Intent, Lock
from tests.targets.contract.conftest import Subject


def lock_of(holder: str, *, heartbeat: bool = True, seconds: float = 600) -> Lock:
    now = datetime.now(UTC)
    until = now + timedelta(seconds=seconds)
    return Lock(
        holder=holder, reason="deploy 1.0", since=now, until=until, token=f"token of {holder}", heartbeat=heartbeat
    )


async def test_free_lock_is_acquired_from_nobody(subject: Subject) -> None:
    lock = lock_of("author")
    assert await subject.target.acquire_lock(lock) == ""
    held = (await subject.target.read_state()).lock
    assert held is not None
    assert (held.lock, held.expired) == (lock, "")


async def test_lock_of_a_run_refuses_another_run(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author"))
    with pytest.raises(LockedError, match="author") as refused:
        await subject.connect().acquire_lock(lock_of("lead"))
    assert not isinstance(refused.value, LockedByPersonError)


async def test_lock_of_a_person_refuses_a_run(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author", heartbeat=False))
    with pytest.raises(LockedByPersonError, match="author"):
        await subject.connect().acquire_lock(lock_of("lead"))


async def test_lock_of_a_person_is_taken_over_when_its_time_is_over(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author", heartbeat=False, seconds=1))
    await asyncio.sleep(1.5)
    held = (await subject.target.read_state()).lock
    assert held is not None
    assert held.expired
    assert "author" in await subject.connect().acquire_lock(lock_of("lead"))


async def test_lock_of_a_silent_run_is_taken_over(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author"))
    await asyncio.sleep(6)
    await subject.target.renew_lock("token of author")
    await asyncio.sleep(6)
    # Renewed six seconds ago.
    with pytest.raises(LockedError):
        await subject.connect().acquire_lock(lock_of("lead"))
    await asyncio.sleep(7)
    assert "author" in await subject.connect().acquire_lock(lock_of("lead"))
    with pytest.raises(LockedError, match="took over"):
        await subject.target.renew_lock("token of author")
    with pytest.raises(LockedError):
        await subject.target.release_lock("token of author")


async def test_lock_is_released_by_its_token(subject: Subject) -> None:
    lock = lock_of("author")
    await subject.target.acquire_lock(lock)
    assert await subject.target.release_lock(lock.token) == lock
    assert (await subject.target.read_state()).lock is None


async def test_free_lock_is_released_without_an_error(subject: Subject) -> None:
    assert await subject.target.release_lock() is None
    assert await subject.target.release_lock("token of author") is None


async def test_lock_is_not_released_by_another_token(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author"))
    with pytest.raises(LockedError):
        await subject.target.release_lock("token of lead")


async def test_lock_of_a_live_run_is_released_by_force_alone(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author"))
    with pytest.raises(LockedError):
        await subject.target.release_lock()
    assert await subject.target.release_lock(force=True) is not None


async def test_lock_of_a_person_is_released_by_anybody(subject: Subject) -> None:
    await subject.target.acquire_lock(lock_of("author", heartbeat=False))
    assert await subject.connect().release_lock() is not None


async def test_lock_that_nobody_holds_cannot_be_renewed(subject: Subject) -> None:
    with pytest.raises(LockedError):
        await subject.target.renew_lock("token of author")


async def test_two_runs_never_both_acquire_the_lock(subject: Subject) -> None:
    results = await asyncio.gather(
        subject.connect().acquire_lock(lock_of("author")),
        subject.connect().acquire_lock(lock_of("lead")),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["LockedError", "str"]


async def test_intent_is_kept_until_it_is_cleared(subject: Subject) -> None:
    first = Intent(current="web-a", candidate="web-b", since="2026-03-02T09:00:00+00:00")
    second = Intent(current="web-a", candidate="web-c", since="2026-03-02T09:00:01+00:00", rollback=True)
    await subject.target.write_intent(first)
    assert (await subject.connect().read_state()).intent == first
    await subject.target.write_intent(second)
    assert (await subject.connect().read_state()).intent == second
    await subject.target.clear_intent()
    assert (await subject.target.read_state()).intent is None
    await subject.target.clear_intent()
