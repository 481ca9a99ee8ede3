"""The rule about freeze windows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ci.ledger.policy.case import Case, RuleResult, RuleResults, describe_helpers, describe_roles
from ci.settings import FreezeWindow, people_with_role

SECOND = timedelta(seconds=1)


def freeze_rule(case: Case) -> RuleResults:
    """Refuse a deploy in a freeze window without a valid override; a rollback or a restore is never refused."""
    if case.input.action != "deploy":
        return
    roles, version = case.environment.overriders, case.input.version
    for window, until in active_windows(case.environment.freezes, case.input.now):
        what = f"{case.name}: is in a freeze window until {until:%Y-%m-%d %H:%M} UTC: {window.reason}"
        if is_overridden(case):
            yield RuleResult(f"{what}; overridden by {case.input.actor}: {case.input.override}", refuses=False)
        elif not roles:
            yield RuleResult(f"{what}; no role may override it (environments.{case.name}.overriders): wait")
        else:
            command = case.command("deploy", version=version, extra="--override REASON")
            helpers = describe_helpers(case.settings, roles)
            yield RuleResult(f"{what}; to override it takes {describe_roles(roles)}: {helpers}: {command}")


def is_overridden(case: Case) -> bool:
    """Return whether the actor may override a freeze window and gives a reason."""
    able = people_with_role(case.settings.people, case.environment.overriders)
    return bool(case.input.override.strip()) and case.input.actor in able


def active_windows(windows: Sequence[FreezeWindow], now: datetime) -> list[tuple[FreezeWindow, datetime]]:
    """Return the freeze windows at a time, each with its end."""
    spans = [(window, *_span(window, now)) for window in windows]
    return [(window, end) for window, begin, end in spans if begin <= now < end]


def _span(window: FreezeWindow, now: datetime) -> tuple[datetime, datetime]:
    if window.start and window.until:
        return window.start, window.until
    # Few environments have a cron, and the import takes time in each process.
    from cronsim import CronSim  # noqa: PLC0415 - only where a freeze window has a cron

    begin = next(CronSim(window.cron, now + SECOND, reverse=True))
    return begin, begin + timedelta(hours=window.hours or 0)
