"""The store: what is remembered, and what happens when its folder is of no use."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from slipway_engine.errors import StoreError
from slipway_engine.store.database import Step, Store


def test_facts_end_when_their_time_is_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_json("kind", "key", {"a": 1})
    store.put_json("kind", "gone", 1, ttl_seconds=-1)
    assert store.get_json("kind", "key") == {"a": 1}
    assert store.get_json("kind", "gone") is None
    assert Store(tmp_path).get_json("kind", "key") == {"a": 1}


def test_the_least_recently_used_step_comes_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for digest in ("one", "two"):
        store.put_step(Step(digest, "image", {"/m": "volume"}, stdout="out"))
    assert store.get_step("one") == Step("one", "image", {"/m": "volume"}, stdout="out")
    assert [step.digest for step in store.steps_by_use()] == ["two", "one"]
    store.drop_step("two")
    assert store.get_step("two") is None


def test_a_folder_that_is_a_file_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(StoreError, match="set SLIPWAY_CACHE to another folder"):
        Store(tmp_path / "cache")


async def test_a_lock_of_another_process_is_waited_for_and_ends_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    script = (
        "import asyncio, pathlib, sys; from slipway_engine.store.database import Store\n"
        "async def hold():\n"
        "    async with Store(pathlib.Path(sys.argv[1])).lock('name'):\n"
        "        print('held', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(hold())"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
    with store.try_lock("name") as free:
        assert not free
    holder.kill()
    holder.wait()
    holder.stdout.close()
    async with asyncio.timeout(5), store.lock("name"):
        pass


def test_the_last_durations_of_the_latest_work_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway_engine.store.database.MOST_WORK", 2)
    store = Store(tmp_path)
    for second in range(7):
        store.put_durations({"often": second})
    store.put_durations({"once": 1.23456})
    assert (Store(tmp_path).durations("often"), store.durations("once")) == ([2, 3, 4, 5, 6], [1.235])
    store.put_durations({"new": 9})
    assert [store.durations(work) for work in ("often", "once", "new")] == [[], [1.235], [9]]
    store.clear()
    assert store.durations("new") == []
