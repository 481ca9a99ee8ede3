"""One delivery: let in by the ledger's history, carried out beside the target, and recorded however it ended."""

import dataclasses

import dagger

from ci.release import protocol as ledgers
from ci.stages.errors import LedgerFailed, Refused, StageFailed
from ci.stages.ledger import Ledger
from ci.stages.prove import proof
from ci.stages.target import Target
from ci.targets import protocol as targets

OUTCOMES = {"deployed": "success", "unchanged": "success", "inconclusive": "inconclusive", "refused": "refused"}


@dataclasses.dataclass(frozen=True)
class Delivered:
    """What was let in and what became of it."""

    admitted: ledgers.Admitted
    deployed: targets.Deployed


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What somebody wants of an environment."""

    action: str
    version: str
    # Why a freeze does not hold it.
    override: str = ""
    # Go back although the database's migrations make it unsafe.
    force: bool = False


async def deliver(ledger: Ledger, target: Target, service: dagger.Directory, wanted: Wanted) -> Delivered:
    """Take a release that was built to an environment, and record what became of it.

    Raises:
        Refused: A rule of the release, or the target, speaks against it; nothing was changed.
        StageFailed: The release did not get healthy, failed its proof, or misbehaved; what served before serves.
        TargetFailed: The target cannot be reached, or somebody else is deploying to it.
        LedgerFailed: It cannot be read; or it cannot be written, and the message says what was done nevertheless.
    """
    admitted = await ledger.ask(ledgers.Admit, ledgers.Admitted, environment=target.name, **dataclasses.asdict(wanted))
    try:
        deployed = await _watched(target, admitted, await _delivered(target, service, wanted, admitted))
    except StageFailed as error:
        await _record(ledger, target, wanted, admitted, None, str(error))
        raise
    await _record(ledger, target, wanted, admitted, deployed, deployed.message)
    if deployed.status == "refused":
        raise Refused(_story(target, deployed))
    if not deployed.ok:
        raise StageFailed(_story(target, deployed))
    return Delivered(admitted, deployed)


async def _delivered(
    target: Target, service: dagger.Directory, wanted: Wanted, admitted: ledgers.Admitted
) -> targets.Deployed:
    kind = targets.Rollback if wanted.action == "rollback" else targets.Deploy
    tests, archive = proof(target, service)
    return await target.with_features(admitted.features).ask(
        kind,
        targets.Deployed,
        mounted=archive,
        image=admitted.image,
        version=admitted.version,
        holder=admitted.by,
        proof=tests,
    )


async def _watched(target: Target, admitted: ledgers.Admitted, deployed: targets.Deployed) -> targets.Deployed:
    """Watch what serves already, where nobody could say yet that it does well."""
    if deployed.status != "unchanged" or admitted.proven:
        return deployed
    watched = await target.ask(targets.Watch, targets.Watched)
    status = {"pass": "unchanged", "fail": "failed"}.get(watched.verdict.outcome, "inconclusive")
    return deployed.model_copy(
        update={"status": status, "ok": watched.ok, "message": watched.message, "verdict": watched.verdict}
    )


async def _record(
    ledger: Ledger,
    target: Target,
    wanted: Wanted,
    admitted: ledgers.Admitted,
    deployed: targets.Deployed | None,
    story: str,
) -> None:
    told = {} if deployed is None else _told(deployed)
    try:
        await ledger.ask(
            ledgers.Conclude,
            ledgers.Recorded,
            environment=target.name,
            action=wanted.action,
            start=admitted.start,
            version=admitted.version,
            digest=admitted.digest,
            features=admitted.features,
            **{"outcome": "failed", **told},
        )
    except StageFailed as error:
        raise LedgerFailed(
            f"{story}\n\nThis could not be recorded; the next command on {target.name} does it: {error}"
        ) from error


def _told(deployed: targets.Deployed) -> dict[str, object]:
    """Say in the ledger's words what a target said."""
    return {
        "outcome": OUTCOMES.get(deployed.status, "failed"),
        "stages": [stage.model_dump() for stage in deployed.stages],
        "address": deployed.address,
        "recovered": deployed.recovered,
        "serving_before_digest": deployed.before.digest,
        "serving_before_version": deployed.before.version,
        "took_over": deployed.took_over,
    }


def _story(target: Target, deployed: targets.Deployed) -> str:
    """Tell what was done, what went wrong, and what its own output says: the last thing is what people read."""
    stages = [f"{'✔' if stage.ok else '✘'} {stage.name}: {stage.message}" for stage in deployed.stages]
    output = deployed.proved.output if deployed.proved else deployed.logs
    return "\n".join([f"{target.name}: {deployed.message}", *stages, "", output.strip()]).strip()
