from collections.abc import Awaitable, Callable

import anyio
import pytest

from ci.stages.together import together


def after(seconds: float, result: object) -> Callable[[], Awaitable[object]]:
    async def work() -> object:
        await anyio.sleep(seconds)
        if isinstance(result, Exception):
            raise result
        return result

    return work


async def test_results_come_by_name() -> None:
    assert await together({"slow": after(0.02, 1), "quick": after(0, 2)}) == {"slow": 1, "quick": 2}


async def test_nothing_to_do() -> None:
    assert await together({}) == {}


async def test_it_happens_at_once() -> None:
    with anyio.fail_after(1.5):
        await together({str(number): after(1, number) for number in range(10)})


async def test_the_first_failure_is_raised_as_itself() -> None:
    with pytest.raises(ValueError, match=r"^the first$"):
        await together({"late": after(30, KeyError("late")), "first": after(0, ValueError("the first"))})


async def test_a_failure_stops_the_rest() -> None:
    stopped: list[str] = []

    async def endless() -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            stopped.append("endless")
            raise

    with pytest.raises(ValueError, match="broken"):
        await together({"endless": endless, "broken": after(0.01, ValueError("broken"))})
    assert stopped == ["endless"]


async def test_being_cancelled_is_no_failure() -> None:
    with anyio.move_on_after(0.01) as scope:
        await together({"endless": anyio.sleep_forever})
    assert scope.cancelled_caught
