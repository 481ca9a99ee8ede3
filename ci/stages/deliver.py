"""One delivery: let in by the ledger's history, carried out beside the target, and recorded however it ended."""

import dataclasses

import dagger

from ci.ledger import protocol as ledgers
from ci.stages.errors import LedgerFailed, Refused, StageFailed, TargetFailed
from ci.stages.failing import to_type
from ci.stages.ledger import Ledger
from ci.stages.prove import how, proof
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
        tests, archive = proof(target, service)
        deployed = await _delivered(target, wanted, admitted, tests, archive)
        deployed = await _watched(target, admitted, deployed)
    except StageFailed as error:
        await _record(ledger, target, wanted, admitted, error, str(error))
        raise
    await _record(ledger, target, wanted, admitted, deployed, deployed.message)
    if deployed.status == "refused":
        raise Refused(_story(target, tests, deployed))
    if not deployed.ok:
        raise StageFailed(_story(target, tests, deployed))
    return Delivered(admitted, deployed)


async def _delivered(
    target: Target, wanted: Wanted, admitted: ledgers.Admitted, tests: targets.Proof, archive: dagger.File
) -> targets.Deployed:
    kind = targets.Rollback if wanted.action == "rollback" else targets.Deploy
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
    ended: targets.Deployed | StageFailed,
    story: str,
) -> None:
    told = _told(ended) if isinstance(ended, targets.Deployed) else {"outcome": _untold(ended)}
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
            **told,
        )
    except StageFailed as error:
        raise LedgerFailed(
            f"{story}\n\nThis could not be recorded; the next command on {target.name} does it: {error}"
        ) from error


def _untold(error: StageFailed) -> str:
    """Say how a delivery ended of which the target told nothing; whom a lock kept out has tried nothing."""
    return "refused" if isinstance(error, TargetFailed) and error.reason == "locked" else "failed"


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


def _story(target: Target, tests: targets.Proof, deployed: targets.Deployed) -> str:
    """Tell what was done, what went wrong, what its own output says, and what to type: the last is what people read."""
    head = [f"{target.name}: {deployed.message}", *(_line(stage, deployed.message) for stage in deployed.stages)]
    return "\n".join([*head, "", *_next(target, tests, deployed)]).strip()


def _line(stage: targets.StageResult, said: str) -> str:
    told = f": {stage.message}" if stage.message != said else ""
    return f"{'✔' if stage.ok else '✘'} {stage.name}{told}"


def _next(target: Target, tests: targets.Proof, deployed: targets.Deployed) -> list[str]:
    if deployed.proved and not deployed.proved.ok:
        return [*how(target, tests, deployed.proved), "that asks what serves: the release that failed is gone again"]
    if deployed.status == "unhealthy":
        up = f"call up up --ports {target.settings.app.port}:{target.settings.app.port}"
        where = f"  where:           replicas in the target of {target.name}"
        ran = "  what ran:        the image's own command"
        return [deployed.logs.strip(), "", ran, where, *to_type(into="call build terminal", just=up)]
    if deployed.verdict:
        return to_type(just=f"call verify --env {target.name}")
    return [deployed.logs.strip()]
