"""What the policy promises of every history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.ledger import records
from ci.ledger.policy import Decision
from ci.ledger.records import Action

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

VERSIONS = ("1", "1", "2", "3-dirty")
ENVIRONMENTS = ("dev", "acceptance", "production")
ACTIONS: tuple[Action, ...] = ("deploy", "rollback", "restore")
APPROVERS = ("lead", "second-lead", "stakeholder")
ANYBODY = (*APPROVERS, "author", "guest", "stranger", "")
WEEK = timedelta(days=7)
# The outcomes after which the release serves.
SERVES = {"succeeded", "inconclusive"}
# The same histories in every run: a failure comes from a change, never from luck.
quick = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Build:
    """An actor records a build, of the version's own image or another."""

    version: str
    by: str
    author: str
    other: bool


@dataclass(frozen=True)
class Approve:
    """A person approves."""

    env: str
    version: str
    by: str
    # right, long (for longer than allowed), forged, expired or replayed
    how: str


@dataclass(frozen=True)
class State:
    """A person denies a release or lifts the denial."""

    act: Literal["deny", "lift"]
    env: str
    version: str
    by: str
    forged: bool


@dataclass(frozen=True)
class Try:
    """An actor delivers where policy allows it."""

    env: str
    version: str
    action: Action
    actor: str
    signed: bool
    outcome: str


@dataclass(frozen=True)
class Forge:
    """An attacker with push access records a successful deploy without a signature."""

    env: str
    version: str


@dataclass(frozen=True)
class Walk:
    """A team takes a release to production, mostly right."""

    version: str
    builder: str = "author"
    author: str = "author@example.org"
    accepted: str = "succeeded"
    # What happens in acceptance before production: nothing, a forged success, or a rollback.
    between: str = ""
    approvals: tuple[tuple[str, str], ...] = (("lead", "right"), ("stakeholder", "right"))
    statements: tuple[tuple[Literal["deny", "lift"], str, bool], ...] = ()
    hours: int = 0


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    hours: int


def _steps() -> st.SearchStrategy[list[Any]]:
    version, who = st.sampled_from(VERSIONS), st.sampled_from(ANYBODY)
    env = st.sampled_from(("dev", "acceptance", "production", "production"))
    how = st.sampled_from(("right", "right", "right", "long", "forged", "expired", "replayed"))
    action = st.sampled_from(("deploy", "deploy", "deploy", "rollback", "restore"))
    outcome = st.sampled_from(("succeeded", "succeeded", "succeeded", "failed", "inconclusive", "rolled_back"))
    known = st.sampled_from(("author", "lead"))
    mail = st.sampled_from(("author@example.org", "author@example.org", "lead-login", ""))
    approvals = st.one_of(
        how.map(lambda same: (("lead", same), ("stakeholder", same))),
        st.permutations((*APPROVERS, "author")).map(lambda people: tuple((by, "right") for by in people[:2])),
        st.lists(st.tuples(st.sampled_from((*APPROVERS, "author", "guest")), how), min_size=2, max_size=4).map(tuple),
    )
    lifts = st.tuples(st.just("lift"), who, st.booleans())
    statements = st.one_of(
        lifts.map(lambda lift: (("deny", "lead", False), lift)),
        st.lists(st.tuples(st.sampled_from(("deny", "lift")), who, st.booleans()), max_size=2).map(tuple),
    )
    builder, hours = st.sampled_from(("author", "lead", "")), st.sampled_from((0, 99, 200))
    # Most walks have one flaw at most: with many, hardly any would reach production.
    flaws: list[dict[str, Any]] = [
        {},
        {"builder": builder, "author": mail},
        {"accepted": outcome, "between": st.sampled_from(("", "forge", "back"))},
        {"approvals": approvals},
        {"statements": statements},
        {"hours": hours},
    ]
    kinds = [
        *(st.builds(Walk, version, **flaw) for flaw in flaws),
        st.builds(Walk, version, builder=builder, accepted=outcome, approvals=approvals, statements=statements),
        st.builds(Build, version, who, mail, st.booleans()),
        st.builds(Approve, env, version, who, how),
        st.builds(State, st.sampled_from(("deny", "lift")), st.sampled_from(ENVIRONMENTS), version, who, st.booleans()),
        st.builds(Try, env, st.sampled_from((*VERSIONS, "")), action, who, st.booleans(), outcome),
        st.builds(Try, st.just("production"), version, action, known, st.just(value=True), outcome),
        st.builds(Forge, env, version),
        st.builds(Wait, st.integers(1, 200)),
    ]
    return st.lists(st.one_of(kinds), max_size=8)


STEPS = _steps()


@dataclass
class Team:
    """Takes the steps, and keeps its own books, by which it judges the policy's decisions."""

    world: World
    # The valid approvals of production with their end; the authors; what is denied where.
    approved: dict[tuple[str, str], datetime] = field(default_factory=dict)
    authors: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[tuple[str, str], bool] = field(default_factory=dict)
    # The outcome of the last delivery that counts, by environment and digest.
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    # In production: the digests that served; the verified ones that no rollback left since, the newest last; those
    # that a rollback left; and when one last failed to start.
    served: set[str] = field(default_factory=set)
    verified: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    failed: dict[str, datetime] = field(default_factory=dict)

    def take(self, step: Any) -> None:
        getattr(self, f"_{type(step).__name__.lower()}")(step)

    def allows(self, digest: str) -> bool:
        """Return by the team's own books whether the right people approve a digest in production now."""
        people = {
            name for (name, about), until in self.approved.items() if about == digest and until > self.world.now
        } - self.authors.get(digest, set())
        return len(people) > 1 and "stakeholder" in people

    def _build(self, step: Build) -> None:
        digest = self.world.digest(step.version + ("-other" if step.other else ""))
        self.world.build(step.version, digest=digest, by=step.by, author=step.author, dirty="dirty" in step.version)
        author = {"author@example.org": "author", "lead-login": "lead"}.get(step.author, "")
        self.authors.setdefault(digest, set()).update({step.by, author})

    def _approve(self, step: Approve) -> None:
        world, digest = self.world, self.world.digest(step.version)
        wrong: dict[str, dict[str, Any]] = {
            "expired": {"expires": world.now - timedelta(hours=1)},
            "replayed": {"digest": world.digest("another")},
            "forged": {"forged": True},
            "long": {"expires": world.now + timedelta(days=1000)},
        }
        if step.how in {"right", "long"} and step.env == "production" and step.by in APPROVERS:
            self.approved[step.by, digest] = world.now + WEEK
        world.approve(step.env, step.version, step.by, **wrong.get(step.how, {}))

    def _state(self, step: State) -> None:
        getattr(self.world, step.act)(step.env, step.version, step.by, forged=step.forged)
        about = (step.env, self.world.digest(step.version))
        deniers = ("author", "guest", *APPROVERS)
        lifters = {"dev": deniers, "acceptance": ("author", "lead", "second-lead")}.get(
            step.env, ("author", *APPROVERS)
        )
        if not step.forged and step.by in (deniers if step.act == "deny" else lifters):
            self.denied[about] = step.act == "deny"

    def _try(self, step: Try) -> None:
        wanted = {"action": step.action, "actor": step.actor or "anonymous", "signed": step.signed}
        decision = self.world.decide(step.env, step.version, **wanted)
        if not decision.allowed:
            return
        self.judge(step, decision)
        signer = step.actor if step.signed else ""
        details = {"action": step.action, "outcome": step.outcome, "digest": decision.digest}
        self.world.deploy(step.env, decision.version, by=signer, **details)
        if step.env == "production":
            self._note_production(step, decision.digest)
        before, serves = self.current.get(step.env, ""), step.outcome in SERVES
        if step.action == "rollback" and serves and before not in {"", decision.digest}:
            self.last[step.env, before] = "left"
        if step.outcome != "succeeded" or signer not in {"", "stranger"}:
            self.last[step.env, decision.digest] = step.outcome
        if serves:
            self.current[step.env] = decision.digest

    def _note_production(self, step: Try, digest: str) -> None:
        before, serves = self.current.get("production", ""), step.outcome in SERVES
        if step.action == "rollback" and serves and before not in {"", digest}:
            self._leave(before)
        if serves:
            self.served.add(digest)
            self.left.discard(digest)
        if step.outcome == "rolled_back":
            self._leave(digest)
        # A rollback in these histories has no verify window.
        if step.outcome == "succeeded" and (step.action != "rollback" or digest in self.verified):
            self.verified = [*(other for other in self.verified if other != digest), digest]
        self.failed.pop(digest, None)
        if step.outcome == "failed":
            self.failed[digest] = self.world.entries[-1].record.at

    def _leave(self, digest: str) -> None:
        self.left.add(digest)
        self.verified = [other for other in self.verified if other != digest]

    def judge(self, step: Try, decision: Decision) -> None:
        """Check by the team's own books that a decision was right to allow a delivery."""
        digest = decision.digest
        assert not self.denied.get((step.env, digest))
        if step.env != "production":
            return
        assert step.signed
        assert step.actor in {"author", "lead", "second-lead"}
        if step.action == "deploy":
            assert self.allows(digest)
            assert self.last.get(("acceptance", digest)) == "succeeded"
            assert "dirty" not in step.version
            return
        assert digest in self.served
        assert decision.verified == (digest in self.verified)
        if not step.version:
            self._judge_choice(step, decision)

    def _judge_choice(self, step: Try, decision: Decision) -> None:
        """Check the release that a rollback or a restore chose."""
        current, digest = self.current.get("production", ""), decision.digest
        usable = [other for other in reversed(self.verified) if self._is_usable(step, other)]
        if step.action == "restore" and current in usable:
            usable = [current]
        if usable:
            assert digest == usable[0]
            return
        assert digest not in self.left
        assert self._is_usable(step, digest)
        assert any("was never verified" in warning for warning in decision.warnings)

    def _is_usable(self, step: Try, digest: str) -> bool:
        if self.denied.get(("production", digest)):
            return False
        failed = self.failed.get(digest)
        just_failed = failed is not None and self.world.now - failed < timedelta(minutes=10)
        return step.action == "restore" or not (just_failed or digest == self.current.get("production", ""))

    def _forge(self, step: Forge) -> None:
        digest = self.world.digest(step.version)
        self.world.deploy(step.env, step.version, by="")
        self.current[step.env] = digest

    def _walk(self, step: Walk) -> None:
        version = step.version
        self._build(Build(version, step.builder, step.author, other=False))
        self._try(Try("dev", version, "deploy", "author", signed=True, outcome="succeeded"))
        self._approve(Approve("acceptance", version, "lead", "right"))
        self._try(Try("acceptance", version, "deploy", "lead", signed=True, outcome=step.accepted))
        if step.between == "forge":
            self._forge(Forge("acceptance", version))
        elif step.between == "back":
            self._try(Try("acceptance", "", "rollback", "lead", signed=True, outcome="succeeded"))
        for by, how in step.approvals:
            self._approve(Approve("production", version, by, how))
        for act, by, forged in step.statements:
            self._state(State(act, "production", version, by, forged))
        self._wait(Wait(step.hours))
        self._try(Try("production", version, "deploy", "lead", signed=True, outcome="succeeded"))

    def _wait(self, step: Wait) -> None:
        self.world.now += timedelta(hours=step.hours)


def team_after(make_world: type[World], steps: list[Any]) -> Team:
    """Return a team that took the steps, whose decisions were judged."""
    team = Team(make_world())
    for step in steps:
        team.take(step)
    return team


@settings(quick, max_examples=160)
@given(steps=STEPS)
def test_policy_allows_nothing_that_the_teams_books_forbid(make_world: type[World], steps: list[Any]) -> None:
    team = team_after(make_world, steps)
    # At the end actors try everything, at once and after every approval has expired.
    for hours in (0, 200):
        team.take(Wait(hours))
        for version, actor, action, signed in product({*VERSIONS, ""}, ("lead", "guest"), ACTIONS, (True, False)):
            decision = team.world.decide("production", version, action=action, actor=actor, signed=signed)
            if decision.allowed:
                team.judge(Try("production", version, action, actor, signed, outcome=""), decision)


def test_right_steps_reach_production_and_go_back(make_world: type[World]) -> None:
    back = Try("production", "", "rollback", "lead", signed=True, outcome="succeeded")
    team = team_after(make_world, [Walk("1"), Walk("2"), Wait(1000), back])
    assert team.verified == [team.world.digest("1")]
    assert team.left == {team.world.digest("2")}
    assert team.current["production"] == team.world.digest("1")


def decisions(world: World, **wanted: Any) -> dict[tuple[str, str, str], bool]:
    """Return whether policy allows each release in each environment."""
    return {
        (env, version, action): world.decide(env, version, **{"action": action} | wanted).allowed
        for env in ENVIRONMENTS
        for version in set(VERSIONS)
        for action in ("deploy", "rollback")
    }


def assert_no_more(after: dict[Any, bool], before: dict[Any, bool]) -> None:
    """Assert that policy allows nothing that it refused before."""
    assert [about for about, decision in after.items() if decision and not before[about]] == []


@quick
@given(steps=STEPS, env=st.sampled_from(ENVIRONMENTS), version=st.sampled_from(VERSIONS), by=st.sampled_from(ANYBODY))
def test_valid_approval_takes_nothing_away_and_a_forged_one_changes_nothing(
    make_world: type[World], steps: list[Any], env: str, version: str, by: str
) -> None:
    world = team_after(make_world, steps).world
    before, now = decisions(world), world.now
    world.approve(env, version, by, forged=True)
    world.now = now
    assert decisions(world) == before
    world.approve(env, version, by)
    world.now = now
    assert_no_more(before, decisions(world))


@quick
@given(steps=STEPS, env=st.sampled_from(ENVIRONMENTS), version=st.sampled_from(VERSIONS), data=st.data())
def test_bad_news_never_helps_a_release(
    make_world: type[World], steps: list[Any], env: str, version: str, data: st.DataObject
) -> None:
    world = team_after(make_world, steps).world
    before = decisions(world)
    how = data.draw(st.sampled_from(("deny", "fail", "problem", "wait", "unsign", "rebuild", "forget")))
    approvals = [entry for entry in world.entries if entry.record.kind == "approval"]
    wanted: dict[str, Any] = {}
    if how == "deny":
        world.deny(env, version, data.draw(st.sampled_from(ANYBODY)))
    elif how == "fail":
        world.deploy(env, version, by=data.draw(st.sampled_from(ANYBODY)), outcome="failed")
    elif how == "problem":
        world.problems.append("missing: one")
    elif how == "wait":
        world.now += timedelta(hours=data.draw(st.integers(1, 400)))
    elif how == "unsign":
        wanted["signed"] = False
    elif how == "rebuild":
        known = [entry.record.version for entry in world.entries if isinstance(entry.record, records.Build)]
        if version in known:
            world.build(version, digest=world.digest("evil"), by="lead")
    elif approvals:
        world.entries.remove(data.draw(st.sampled_from(approvals)))
    assert_no_more(decisions(world, **wanted), before)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_refused_decision_has_a_reason_for_each_environment(world: World, env: str) -> None:
    for version in ("", *VERSIONS):
        for action in ACTIONS:
            decision = world.decide(env, version, action=action, actor="stranger", signed=False)
            assert decision.refusals
            assert all(refusal.startswith(f"{env}: ") for refusal in decision.refusals)
