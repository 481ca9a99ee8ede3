"""Named work at the same time, and what the first failure does to the rest."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from ci.stages.concurrently import run_concurrently


def after(seconds: float, result: object) -> Callable[[], Awaitable[object]]:
    async def work() -> object:
        await anyio.sleep(seconds)
        if isinstance(result, Exception):
            raise result
        return result

    return work


async def test_results_have_the_names_of_their_work() -> None:
    assert await run_concurrently({"slow": after(0.02, 1), "quick": after(0, 2)}) == {"slow": 1, "quick": 2}


async def test_empty_work_has_no_results() -> None:
    assert await run_concurrently({}) == {}


async def test_ten_tasks_take_as_long_as_one() -> None:
    with anyio.fail_after(1.5):
        await run_concurrently({str(number): after(1, number) for number in range(10)})


async def test_first_failure_is_raised_as_itself() -> None:
    with pytest.raises(ValueError, match=r"^the first$"):
        await run_concurrently({"late": after(30, KeyError("late")), "first": after(0, ValueError("the first"))})


async def test_failure_stops_the_rest() -> None:
    stopped: list[str] = []

    async def endless() -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            stopped.append("endless")
            raise

    with pytest.raises(ValueError, match="broken"):
        await run_concurrently({"endless": endless, "broken": after(0.01, ValueError("broken"))})
    assert stopped == ["endless"]


async def test_cancellation_is_no_failure() -> None:
    with anyio.move_on_after(0.01) as scope:
        await run_concurrently({"endless": anyio.sleep_forever})
    assert scope.cancelled_caught
