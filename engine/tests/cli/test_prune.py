"""`ci prune`, and what a run says of the cache's limit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import SAMPLES, Ci, Outcome

WRITE = ("call", "base", "with-exec", "--args=sh,-c,dd if=/dev/zero of=/x bs=2000000 count=1; echo done", "stdout")


@pytest.fixture
def own(ci: Ci, tmp_path: Path) -> Iterator[Ci]:
    """Run `ci` with a cache of the test's own."""

    def run(*arguments: str, **variables: str) -> Outcome:
        outcome = ci(*arguments, cwd=SAMPLES / "steps", SLIPWAY_CACHE=str(tmp_path / "cache"), **variables)
        assert outcome.status == 0, outcome.err
        return outcome

    yield run
    run("prune", "--all")


def test_run_names_the_limit_that_made_it_build_again(own: Ci) -> None:
    assert "had removed" not in own(*WRITE, SLIPWAY_CACHE_BYTES="1MB").err
    again = own(*WRITE).err.splitlines()
    assert again[-1] == (
        "This run made 1 step again (2 MB) that the cache's limit of 20.0 GB had removed: "
        "raise SLIPWAY_CACHE_BYTES, for example to 40.0 GB"
    )
    assert sum("had removed" in line for line in again) == 1
    assert "had removed" not in own(*WRITE).err


def test_prune_says_what_is_stored_where_nothing_is_over_the_limit(own: Ci) -> None:
    assert own("prune").out == "Freed 0 B: nothing is stored.\n"
    own(*WRITE)
    kept = "2 MB are stored, and at most 20.0 GB may be. `ci prune --max-size` and `ci prune --all` free more."
    assert own("prune").out == f"Freed 0 B: {kept}\n"
    assert own("prune", "--max-size=1MB").out == "Freed 2 MB: 1 image and 0 volumes.\n"
    assert own("prune").out == "Freed 0 B: nothing is stored.\n"


def test_run_names_a_large_file_that_it_read(own: Ci, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(120_000_000)
    err = own("call", "base", "with-directory", "--path=/x", f"--source={folder}", "env-variable", "--name=PATH").err
    assert err.splitlines()[-1] == (
        f"This run read {folder}/large (120 MB): keep large files that no function needs in another folder"
    )
