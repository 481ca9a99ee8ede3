"""Handlers for deliveries, and for tests and verification of the current release."""

from ci.agent.context import Context
from ci.agent.protocol.requests import Deliver, RunTests, Verify
from ci.agent.protocol.responses import Delivered, Tested, Verified
from ci.delivery.deliver import deliver, test_command
from ci.delivery.policy import Policy
from ci.delivery.request import DeliveryRequest
from ci.delivery.verification import verify_current
from ci.ledger.builds import find_test_image, record_build
from ci.ledger.errors import RefusedError
from ci.targets.target import TestRun


async def handle_deliver(context: Context, request: Deliver) -> Delivered:
    """Bring a version into service; a build is recorded first."""
    async with context.ledger() as ledger, context.target(request.environment) as target:
        if request.build:
            await record_build(ledger, context.settings.people, request.build)
        delivery = DeliveryRequest(**{name: getattr(request, name) for name in DeliveryRequest.model_fields})
        policy = Policy(context.settings, ledger, context.github_token, request.github_run)
        report = await deliver(delivery, target, policy)
    return Delivered(ok=report.ok and not report.unrecorded, message=report.message, delivery=report)


async def handle_tests(context: Context, request: RunTests) -> Tested:
    """Run the current release's tests, from its own test image, through the edge."""
    name = request.environment
    async with context.ledger() as ledger, context.target(name) as target:
        current = (await target.read_state()).current
        if not current.digest:
            raise RefusedError(f"{name}: nothing serves there: deploy first, `ci call deploy --env {name}`")
        image = find_test_image(await ledger.read_existing(), current.digest)
        if not image:
            raise RefusedError(f"{name}: no test image of {current.version} is recorded: build and deploy it anew")
        command = test_command(target)
        result = await target.run_tests(TestRun(image=image, command=command))
    passed = result.status == "passed"
    message = f"{current.version} {'passed its tests' if passed else 'failed its tests'} in {result.seconds:.1f} s"
    return Tested(ok=passed, message=message, command=command, tests=result)


async def handle_verify(context: Context, request: Verify) -> Verified:
    """Watch the edge's metrics over the environment's window."""
    async with context.target(request.environment) as target:
        verdict = await verify_current(target)
    message = f"{verdict.outcome}: {'; '.join(verdict.reasons)}"
    return Verified(ok=verdict.outcome != "fail", message=message, verdict=verdict)
