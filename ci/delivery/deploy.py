"""The delivery sequence under the lock: until the switch, users see nothing of it."""

from datetime import UTC, datetime

from ci.analysis import Verdict
from ci.delivery.request import DeliveryReport
from ci.delivery.run import DeliveryEnded, Run
from ci.delivery.verification import verify_current
from ci.outcome import Outcome
from ci.targets.errors import NotReadyError
from ci.targets.target import Intent, ReleaseState, TestResult


async def deploy(run: Run) -> DeliveryReport:
    """Take the release to the environment, from the preflight to the retirement of the releases before."""
    await run_preflight(run)
    release = await start_candidate(run)
    result = await test_candidate(run, release)
    await recheck_policy(run, release)
    await switch(run, release)
    verdict = await verify(run, release)
    await retire(run, release)
    outcome = Outcome.INCONCLUSIVE if verdict.outcome == "inconclusive" else Outcome.SUCCEEDED
    return run.report(outcome, release=release, tests=result, verdict=verdict)


async def roll_back(run: Run) -> DeliveryReport:
    """Route to an earlier release again: a kept release needs only a switch, another one a whole deploy."""
    state = await run.target.read_state()
    kept = _find_kept(run, state.releases)
    if kept is None or not (await run.target.check_health(kept.release)).ok:
        return await deploy(run)
    if kept.release == state.current.release:
        return run.report(Outcome.UNCHANGED, f"{kept.release} serves already", release=kept.release, kept=True)
    run.known["kept"] = True
    await run.target.write_intent(_intent(state.current.release, kept.release, rollback=True))
    await switch(run, kept.release)
    await probe(run, kept.release)
    # Without a verify window: a rollback is there to leave a bad release at once.
    await retire(run, kept.release)
    return run.report(Outcome.SUCCEEDED, release=kept.release)


async def run_preflight(run: Run) -> None:
    """Refuse a delivery that cannot work, before anything changes."""
    async with run.stage("preflight") as stage:
        failed = [check for check in await run.target.check(run.release.image) if not check.ok]
        if failed:
            message = "; ".join(f"{check.name}: {check.detail}" for check in failed)
            raise DeliveryEnded(Outcome.REFUSED, message)
        stage.message = "the target is ready"


async def start_candidate(run: Run) -> str:
    """Start the candidate beside the current release, and wait until it is healthy."""
    target = run.target
    async with run.stage("candidate") as stage:
        candidate = await target.prepare_candidate(run.release)
        state, release = await target.read_state(), candidate.release
        current = state.current.release
        if release == current:
            await _keep_current(run, release)
        await target.write_intent(_intent(current, release))
        health = await target.start_release(run.release)
        if not health.ok:
            what = await _discard(run, release)
            message = f"{release} did not get healthy and {what}; {current or 'nothing'} serves. {health.reason}"
            raise DeliveryEnded(Outcome.FAILED, message, release=release, logs=health.logs, seen=health.reason)
        stage.message = f"{release} is healthy"
    return release


async def test_candidate(run: Run, release: str) -> TestResult | None:
    """Run the release's own tests against the candidate; a candidate that fails them is removed."""
    if run.tests is None:
        return None
    async with run.stage("test") as stage:
        result = await run.target.run_tests(run.tests, release)
        if result.status != "passed":
            health = await run.target.examine_release(release)
            what = await _discard(run, release)
            why = "not done in time" if result.status == "timeout" else f"exit code {result.exit_code}"
            message = f"the tests of {release} failed: {why}" + (f"; {release} {what}" if run.keep_failed else "")
            message += f". {health.reason}" if health.reason else ""
            raise DeliveryEnded(
                Outcome.FAILED, message, release=release, tests=result, logs=health.logs, seen=health.reason
            )
        stage.message = f"{release} passed its tests"
    return result


async def recheck_policy(run: Run, release: str) -> None:
    """Stop where policy changed while the candidate started: a denial counts until the switch."""
    async with run.stage("policy") as stage:
        try:
            await run.check_policy()
        except DeliveryEnded:
            await _discard(run, release, keep=False)
            raise
        stage.message = "policy still allows the delivery"


async def switch(run: Run, release: str) -> None:
    """Route all users to a healthy release, in one atomic step."""
    target = run.target
    async with run.stage("switch") as stage:
        health = await target.check_health(release)
        if not health.ok:
            run.known |= {"logs": health.logs, "seen": health.reason}
            if run.keep_failed:
                await _discard(run, release)
            raise NotReadyError(f"{release} is not healthy, so no user is routed there: {health.reason}")
        state = await target.read_state()
        await target.route(release)
        await target.record_routing(current=release, previous=state.current.release, stable=state.stable)
        stage.message = f"{release} serves at {state.address}"


async def probe(run: Run, release: str) -> None:
    """Send requests through the edge as a user does; switch back from a release that does not answer."""
    async with run.stage("probe") as stage:
        problem = await run.target.probe(release)
        stage.ok, stage.message = not problem, problem or f"{release} answers through the edge"
    if problem:
        await switch_back(run)
        raise DeliveryEnded(Outcome.ROLLED_BACK, problem, release=release)


async def verify(run: Run, release: str) -> Verdict:
    """Watch the edge's metrics over the verify window; switch back from a release that fails."""
    verdict = await _watch(run)
    if verdict.outcome == "fail":
        await switch_back(run)
        message = f"fail: {'; '.join(verdict.reasons)}"
        raise DeliveryEnded(Outcome.ROLLED_BACK, message, release=release, verdict=verdict)
    return verdict


async def switch_back(run: Run) -> None:
    """Route all users to the release before (none, where there was none), and remove the failed one."""
    target = run.target
    async with run.stage("switch back") as stage:
        state = await target.read_state()
        failed, previous = state.current.release, state.previous.release
        if previous:
            health = await target.check_health(previous)
            if not health.ok:
                raise NotReadyError(f"{previous} is not healthy, so no user is routed back there: {health.reason}")
        await target.route(previous)
        await target.record_routing(current=previous, previous="", stable=previous)
        if failed:
            # Only now: users come first.
            health = await target.examine_release(failed)
            run.known |= {"logs": health.logs, "seen": health.reason}
            await _remove_or_keep(run, failed)
        await target.clear_intent()
        # No role keeps the releases before: until the next delivery they would run on, long after `keep_previous`.
        await target.retire()
        stage.message = f"{previous or 'nothing'} serves again at {state.address}"


async def retire(run: Run, release: str) -> None:
    """Make the release the stable one, keep the one before for a while, and remove the older ones."""
    target = run.target
    async with run.stage("retire") as stage:
        state = await target.read_state()
        if state.stable != release:
            await target.record_routing(current=release, previous=state.previous.release, stable=release)
        await target.clear_intent()
        retired = await target.retire()
        kept = f", {retired.kept} is kept" if retired.kept else ""
        removed = f", {len(retired.removed)} removed" if retired.removed else ""
        stage.message = f"{release} serves{kept}{removed}"


async def _keep_current(run: Run, release: str) -> None:
    """End a delivery of what serves already; a release that was never verified gets its window now."""
    target = run.target
    health = await target.check_health(release)
    if not health.ok:
        message = f"{release} serves, but is not healthy: {health.reason}"
        raise DeliveryEnded(Outcome.FAILED, message, release=release, logs=health.logs)
    if await target.read_routes() != {release}:
        await target.route(release)
    if run.verified:
        raise DeliveryEnded(Outcome.UNCHANGED, f"{release} serves already", release=release)
    verdict = await _watch(run)
    outcomes = {"pass": Outcome.SUCCEEDED, "fail": Outcome.FAILED, "inconclusive": Outcome.INCONCLUSIVE}
    message = f"{release} serves already; {verdict.outcome}: {'; '.join(verdict.reasons)}"
    raise DeliveryEnded(outcomes[verdict.outcome], message, release=release, verdict=verdict)


async def _watch(run: Run) -> Verdict:
    async with run.stage("verify") as stage:
        verdict = await verify_current(run.target)
        stage.ok, stage.message = verdict.outcome != "fail", f"{verdict.outcome}: {'; '.join(verdict.reasons)}"
    return verdict


async def _discard(run: Run, release: str, *, keep: bool = True) -> str:
    """Remove a failed candidate, or keep it as long as the request says; returns what was done, in words."""
    state, what = await run.target.read_state(), "serves already"
    if release not in {state.current.release, state.previous.release}:
        what = await _remove_or_keep(run, release, keep=keep)
    await run.target.clear_intent()
    return what


async def _remove_or_keep(run: Run, release: str, *, keep: bool = True) -> str:
    if not (keep and run.keep_failed):
        await run.target.remove_release(release)
        return "was removed"
    await run.target.keep_release(release, run.keep_failed)
    if run.tests:
        run.known["shell_beside"] = run.target.shell_beside(release, run.tests.image)
    return f"is kept without traffic for {run.keep_failed / 60:.0f} minutes"


def _intent(current: str, candidate: str, *, rollback: bool = False) -> Intent:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Intent(current=current, candidate=candidate, since=since, rollback=rollback)


def _find_kept(run: Run, releases: tuple[ReleaseState, ...]) -> ReleaseState | None:
    """Return the running release of the image: of its version where there is one, and the current one first of all."""
    found = [release for release in releases if release.image == run.release.image]
    of_version = [release for release in found if release.version == run.release.version]
    order = ("current", "previous", "candidate")
    return min(of_version or found, key=lambda release: order.index(release.role), default=None)
