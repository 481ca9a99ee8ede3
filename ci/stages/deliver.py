"""One delivery: candidate, proof, switch, watch, retire. Until the switch, users see nothing of it."""

from dataclasses import dataclass, field

import dagger

from ci.stages import prove
from ci.stages.errors import Refused, StageFailed
from ci.stages.target import Target
from ci.targets import protocol


@dataclass
class Delivery:
    """What was done, a sentence a step, and where the release is reached."""

    address: str = ""
    release: str = ""
    steps: list[str] = field(default_factory=list)

    def note(self, outcome: protocol.Outcome) -> None:
        """Keep an outcome's sentence, and show it while the rest goes on."""
        self.steps.append(outcome.message)
        print(outcome.message, flush=True)  # noqa: T201 - a function's output is what its caller sees of its progress


async def deliver(target: Target, image: str, version: str, service: dagger.Directory, holder: str) -> Delivery:
    """Take an image to an environment.

    Raises:
        Refused: The target is not fit for it, or somebody else holds the lock.
        StageFailed: The release did not get healthy, failed its proof, or misbehaved; what served before serves.
    """
    delivery = Delivery()
    checked = await target.ask(protocol.Preflight, protocol.Checked, image=image)
    if not checked.ok:
        wrong = "\n".join(f"- {check.name}: {check.detail}" for check in checked.checks if not check.ok)
        raise Refused(f"{target.name}: {checked.message}\n{wrong}")
    delivery.note(checked)
    locked = await target.ask(protocol.Lock, protocol.Locked, holder=holder, reason=f"deploy {version}")
    try:
        await _steps(target, image, version, service, delivery)
    finally:
        await target.ask(protocol.Unlock, protocol.Unlocked, token=locked.token)
    return delivery


async def _steps(target: Target, image: str, version: str, service: dagger.Directory, delivery: Delivery) -> None:
    started = await target.ask(protocol.Candidate, protocol.Started, image=image, version=version)
    delivery.note(started)
    delivery.release = started.release
    delivery.address = target.settings.environment(target.name).address
    if started.status == "unhealthy":
        raise StageFailed(f"{started.message}\n\n{started.logs.strip()}")
    if started.status == "unchanged":
        return
    await _proven(target, service, delivery)
    switched = await target.ask(protocol.Switch, protocol.Switched, release=started.release)
    delivery.note(switched)
    await _watched(target, delivery)
    delivery.note(await target.ask(protocol.Retire, protocol.Retired))


async def _proven(target: Target, service: dagger.Directory, delivery: Delivery) -> None:
    try:
        proved = await prove.prove(target, service, delivery.release)
        delivery.note(proved)
        prove.require(proved)
    except Exception:
        # Also when the tests could not run at all: a candidate that nobody proved must not stay.
        delivery.note(await target.ask(protocol.Discard, protocol.Discarded, release=delivery.release))
        raise


async def _watched(target: Target, delivery: Delivery) -> None:
    watched = await target.ask(protocol.Watch, protocol.Watched)
    delivery.note(watched)
    if not watched.ok:
        back = await target.ask(protocol.SwitchBack, protocol.Switched)
        delivery.note(back)
        raise StageFailed(f"{target.name}: {watched.message}\n{back.message}")
