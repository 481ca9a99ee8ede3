"""A delivery: one run of the agent, and the message about how it ended."""

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

MEMORY = "the container may use all memory of the target's machine: let the tests use less, or take a larger machine"


async def deliver(agent: Agent, request: Deliver) -> DeliveryReport:
    """Bring a version into service.

    Raises:
        Refused: Policy, or the target's preflight, does not allow the delivery; nothing was changed.
        StageFailed: The release did not get healthy, failed its tests, or misbehaved; the one before serves.
        TargetFailed: The target cannot be reached, or another delivery is at work there.
        LedgerFailed: The ledger cannot be read; or it cannot be written, and the message describes the delivery.
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
    """Render the stages, the failure, its output, and the next commands; people read the end first."""
    head = [f"{report.environment}: {report.message}", *(_line(stage, report.message) for stage in report.stages)]
    return "\n".join([*head, "", *_next_steps(settings, report)]).strip()


def render_tests(
    environment: str, command: tuple[str, ...], result: TestResult, *, logs: str = "", seen: str = ""
) -> list[str]:
    """Render the tests' output, the release's last lines, the tests' command, and the next commands.

    `seen`: how the release's replicas ended or what they answered; then the tests' own errors are a consequence.
    """
    lines = [
        result.output.strip(),
        *_release_lines(logs, seen),
        "",
        f"  what ran:        {shlex.join(command)}",
        "  where:           a helper container beside the release, on its network",
        *next_commands(terminal="call shell --stage test terminal", alone=f"call integration-test --env {environment}"),
        find_hint(f"{seen}\n{logs}") if seen else find_hint(result.output, exit_code=result.exit_code, memory=MEMORY),
    ]
    return lines[:-1] if not lines[-1] else lines


def _release_lines(logs: str, seen: str) -> list[str]:
    """Render what a failed release's replicas wrote last, and what was seen of them."""
    if not (logs or seen):
        return []
    return [
        "",
        "the release's last lines:",
        logs.strip() or "none",
        f"seen: {seen or 'every replica of the release ran and was ready'}",
    ]


def _line(stage: StageResult, headline: str) -> str:
    message = f": {stage.message}" if stage.message != headline else ""
    return f"{'✔' if stage.ok else '✘'} {stage.name}{message}"


def _next_steps(settings: Settings, report: DeliveryReport) -> list[str]:
    if report.tests and report.tests.status != "passed":
        shown = {"logs": report.logs, "seen": report.seen}
        lines = render_tests(report.environment, report.test_command, report.tests, **shown)
        return [*lines, *_last_lines(report)]
    if report.verdict and report.verdict.outcome == "fail":
        again = next_commands(alone=f"call verify --env {report.environment}")
        return [*_release_lines(report.logs, report.seen)[1:], *again, *_beside(report)]
    if report.logs:
        up = f"call up up --ports {settings.app.port}:{settings.app.port}"
        where = f"  where:           replicas on the target of {report.environment}"
        ran = "  what ran:        the image's own command"
        lines = [report.logs.strip(), "", ran, where, *next_commands(terminal="call build terminal", alone=up)]
        return [*lines, *_beside(report)]
    if report.verdict:
        return next_commands(alone=f"call verify --env {report.environment}")
    return _beside(report)


def _last_lines(report: DeliveryReport) -> list[str]:
    if report.shell_beside:
        return _beside(report)
    return ["this command tests the current release: the failed release was removed"]


def _beside(report: DeliveryReport) -> list[str]:
    """Render the command that opens a shell in the test image beside a failed release that is kept."""
    return (
        [f"a shell in the test image, beside the failed release: {report.shell_beside}"] if report.shell_beside else []
    )
