"""One delivery: candidate, proof, switch, watch, retire. Until the switch, users see nothing of it."""

import dagger

from ci.stages.errors import Refused, StageFailed
from ci.stages.prove import proof
from ci.stages.target import Target
from ci.targets import protocol


async def deliver(
    target: Target, image: str, version: str, service: dagger.Directory, holder: str
) -> protocol.Deployed:
    """Take an image to an environment, in one run of the program beside the target.

    Raises:
        Refused: The target is not fit for it.
        StageFailed: The release did not get healthy, failed its proof, or misbehaved; what served before serves.
        TargetFailed: The target cannot be reached, or somebody else is deploying to it.
    """
    wanted, tests = proof(target, service)
    deployed = await target.ask(
        protocol.Deploy,
        protocol.Deployed,
        mounted=tests,
        image=image,
        version=version,
        holder=holder,
        proof=wanted,
    )
    if deployed.status == "refused":
        raise Refused(_story(target, deployed))
    if not deployed.ok:
        raise StageFailed(_story(target, deployed))
    return deployed


def _story(target: Target, deployed: protocol.Deployed) -> str:
    """Tell what was done, what went wrong, and what its own output says: the last thing is what people read."""
    stages = [f"{'✔' if stage.ok else '✘'} {stage.name}: {stage.message}" for stage in deployed.stages]
    output = deployed.proved.output if deployed.proved else deployed.logs
    return "\n".join([f"{target.name}: {deployed.message}", *stages, "", output.strip()]).strip()
