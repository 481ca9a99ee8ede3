"""Whether nothing is to be deployed at this time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ci.ledger.policy.case import Case, Finding, Findings, helpers, with_roles
from ci.settings import Freeze, with_role

SECOND = timedelta(seconds=1)


def freeze_rule(case: Case) -> Findings:
    """Hold deploys in a freeze, unless somebody who may override it says why; never hold the way back."""
    if case.wanted.action != "deploy":
        return
    roles, version = case.environment.overriders, case.wanted.version
    for freeze, until in active_freezes(case.environment.freezes, case.wanted.now):
        what = f"{case.name}: is frozen until {until:%Y-%m-%d %H:%M} UTC: {freeze.reason}"
        if overridden(case):
            yield Finding(f"{what}; overridden by {case.wanted.actor}: {case.wanted.override}", refuses=False)
        elif not roles:
            yield Finding(f"{what}; nobody may override that (environments.{case.name}.overriders): wait")
        else:
            again = case.command("deploy", version=version, extra="--override REASON")
            yield Finding(
                f"{what}; to override that takes {with_roles(roles)}: {helpers(case.settings, roles)}: {again}"
            )


def overridden(case: Case) -> bool:
    """Tell whether a reason is given by somebody who may."""
    able = with_role(case.settings.people, case.environment.overriders)
    return bool(case.wanted.override.strip()) and case.wanted.actor in able


def active_freezes(freezes: Sequence[Freeze], now: datetime) -> list[tuple[Freeze, datetime]]:
    """Return the freezes that hold at a time, each with its end."""
    spans = [(freeze, *_span(freeze, now)) for freeze in freezes]
    return [(freeze, end) for freeze, begin, end in spans if begin <= now < end]


def _span(freeze: Freeze, now: datetime) -> tuple[datetime, datetime]:
    if freeze.start and freeze.until:
        return freeze.start, freeze.until
    # Few environments have one, and the rest need not wait for it.
    from cronsim import CronSim  # noqa: PLC0415 - only where a freeze has a cron

    begin = next(CronSim(freeze.cron, now + SECOND, reverse=True))
    return begin, begin + timedelta(hours=freeze.hours or 0)
