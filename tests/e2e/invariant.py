"""What holds whatever fault a deploy meets: the service answers, the ledger tells the truth, the next deploy works."""

from collections.abc import Callable
from typing import TypeVar

from ci.ledger.records import DeliveryEnd, DeliveryStart, Recovery
from tests.users import browsers

from .faults import ENVIRONMENT, VERSIONS, Place

T = TypeVar("T")


def survives(place: Place, deploy: Callable[[str], T], mend: Callable[[], object] = lambda: None) -> T:
    """Deploy, which meets a fault; then the fault is mended, and the same command is given again."""
    before, known = place.serving(), {entry.id for entry in place.history().entries}
    wanted = next(version for version in VERSIONS if version != before)
    with browsers(place.address, "x-version", ("/", "/", "/", "/")) as seen:
        try:
            ended = deploy(wanted)
        finally:
            mend()
        check_the_ledger(place, known)
        deployed = place.deploy(wanted)
    assert set(seen) == {f"200 {before}", f"200 {wanted}"}, seen
    assert deployed["version"] == wanted
    check_the_end(place, wanted, known)
    return ended


def check_the_ledger(place: Place, known: set[str]) -> None:
    """A deploy that met a fault is never recorded as a success that does not serve."""
    history, state = place.history(), place.state()
    assert not history.problems
    for entry in history.of(DeliveryEnd, environment=ENVIRONMENT):
        if entry.id not in known and entry.record.outcome != "failed":
            assert entry.record.outcome == "refused" or entry.record.digest == state.current.digest, entry.record


def check_the_end(place: Place, version: str, known: set[str]) -> None:
    """The ledger, the target and the users say the same, nothing is left, and nobody is blamed."""
    history, state = place.history(), place.state()
    said = history.current(ENVIRONMENT)
    assert said
    assert (said.record.version, said.record.digest) == (version, state.current.digest)
    assert (state.current.version, place.serving()) == (version, version)
    assert (state.is_healthy, state.lock, state.intent) == (True, None, None), state
    assert "candidate" not in {release.role for release in state.releases}, state
    assert history.open_starts(ENVIRONMENT) == ()
    assert not history.problems
    starts = {entry.id: entry.record for entry in history.of(DeliveryStart)}
    for entry in history.of(Recovery, environment=ENVIRONMENT):
        if entry.id not in known:
            # Without a start it would say that somebody had changed the target by hand.
            assert entry.record.start, entry.record
            serves = entry.record.digest == starts[entry.record.start].digest
            assert entry.record.resolution == ("finished" if serves else "undone"), entry.record
