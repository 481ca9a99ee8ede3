"""A delivery: one run of the agent, and what people read of how it ended."""

import shlex

from ci.agent.protocol.requests import Deliver
from ci.agent.protocol.responses import Delivered
from ci.delivery.request import DeliveryReport, StageResult
from ci.hints import find_hint
from ci.outcome import Outcome
from ci.settings import Settings
from ci.stages.agent import Agent
from ci.stages.errors import LedgerFailed, Refused, StageFailed
from ci.stages.failure import next_commands
from ci.targets.target import TestResult

MEMORY = "its container has no limit but the memory of the target's machine: let it use less, or take a larger one"


async def deliver(agent: Agent, request: Deliver) -> DeliveryReport:
    """Bring a version into service.

    Raises:
        Refused: Policy, or the target's preflight, does not allow the delivery; nothing was changed.
        StageFailed: The release did not get healthy, failed its tests, or misbehaved; the one before serves.
        TargetFailed: The target cannot be reached, or another delivery is at work there.
        LedgerFailed: The ledger cannot be read; or it cannot be written, and the message says what was done.
    """
    report = (await agent.run(request, Delivered)).delivery
    story = render_failure(agent.settings, report)
    if report.unrecorded:
        raise LedgerFailed(
            f"{story}\n\nThe ledger does not hold this yet; the next command on {report.environment} records it: "
            f"{report.unrecorded}"
        )
    if report.outcome == Outcome.REFUSED:
        raise Refused(story)
    if not report.ok:
        raise StageFailed(story)
    return report


def render_failure(settings: Settings, report: DeliveryReport) -> str:
    """Render what was done, what went wrong, its own output, and what to type; people read the end first."""
    head = [f"{report.environment}: {report.message}", *(_line(stage, report.message) for stage in report.stages)]
    return "\n".join([*head, "", *_next_steps(settings, report)]).strip()


def render_tests(environment: str, command: tuple[str, ...], result: TestResult) -> list[str]:
    """Render what tests wrote, what ran, and what to type."""
    lines = [
        result.output.strip(),
        "",
        f"  what ran:        {shlex.join(command)}",
        "  where:           a helper container beside the release, on its network",
        *next_commands(into="call shell --stage test terminal", just=f"call integration-test --env {environment}"),
        find_hint(result.output, exit_code=result.exit_code, memory=MEMORY),
    ]
    return lines[:-1] if not lines[-1] else lines


def _line(stage: StageResult, headline: str) -> str:
    message = f": {stage.message}" if stage.message != headline else ""
    return f"{'✔' if stage.ok else '✘'} {stage.name}{message}"


def _next_steps(settings: Settings, report: DeliveryReport) -> list[str]:
    if report.tests and report.tests.status != "passed":
        lines = render_tests(report.environment, report.test_command, report.tests)
        return [*lines, "that command tests what serves: the release that failed was removed"]
    if report.logs:
        up = f"call up up --ports {settings.app.port}:{settings.app.port}"
        where = f"  where:           replicas on the target of {report.environment}"
        ran = "  what ran:        the image's own command"
        return [report.logs.strip(), "", ran, where, *next_commands(into="call build terminal", just=up)]
    if report.verdict:
        return next_commands(just=f"call verify --env {report.environment}")
    return []
