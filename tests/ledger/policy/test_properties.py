"""Whatever people do, and in whatever order: what the policy promises of every history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci.ledger.records import Action

if TYPE_CHECKING:
    from tests.ledger.policy.conftest import World

VERSIONS = ("1", "1", "2", "3-dirty")
ENVIRONMENTS = ("dev", "acceptance", "production")
ACTIONS: tuple[Action, ...] = ("deploy", "rollback", "restore")
APPROVERS = ("lead", "second-lead", "stakeholder")
ANYBODY = (*APPROVERS, "author", "guest", "stranger", "")
WEEK = timedelta(days=7)
# The same histories at every run: a failure is somebody's change, never luck.
quick = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Build:
    """Somebody records a build, of the version's own image or another."""

    version: str
    by: str
    author: str
    other: bool


@dataclass(frozen=True)
class Approve:
    """Somebody approves, rightly or not."""

    env: str
    version: str
    by: str
    # right, long (for longer than allowed), forged, expired or replayed
    how: str


@dataclass(frozen=True)
class Say:
    """Somebody denies a release or lifts that."""

    word: Literal["deny", "lift"]
    env: str
    version: str
    by: str
    forged: bool


@dataclass(frozen=True)
class Try:
    """Somebody wants to change an environment, and does where the policy lets them."""

    env: str
    version: str
    action: Action
    actor: str
    signed: bool
    outcome: str


@dataclass(frozen=True)
class Forge:
    """Somebody who can push writes that a deploy went well."""

    env: str
    version: str


@dataclass(frozen=True)
class Walk:
    """A team walks a release up to production, and does most of it right."""

    version: str
    builder: str = "author"
    author: str = "author@example.org"
    accepted: str = "success"
    # What happens in acceptance before production is tried: nothing, a forged success, or the way back.
    between: str = ""
    words: tuple[tuple[str, str], ...] = (("lead", "right"), ("stakeholder", "right"))
    said: tuple[tuple[Literal["deny", "lift"], str, bool], ...] = ()
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
    outcome = st.sampled_from(("success", "success", "success", "failed", "inconclusive"))
    known = st.sampled_from(("author", "lead"))
    mail = st.sampled_from(("author@example.org", "author@example.org", "lead-login", ""))
    words = st.one_of(
        how.map(lambda same: (("lead", same), ("stakeholder", same))),
        st.permutations((*APPROVERS, "author")).map(lambda people: tuple((by, "right") for by in people[:2])),
        st.lists(st.tuples(st.sampled_from((*APPROVERS, "author", "guest")), how), min_size=2, max_size=4).map(tuple),
    )
    lifts = st.tuples(st.just("lift"), who, st.booleans())
    says = st.one_of(
        lifts.map(lambda lift: (("deny", "lead", False), lift)),
        st.lists(st.tuples(st.sampled_from(("deny", "lift")), who, st.booleans()), max_size=2).map(tuple),
    )
    builder, hours = st.sampled_from(("author", "lead", "")), st.sampled_from((0, 99, 200))
    # Most walks have one flaw at most, since with many hardly any would come far.
    flaws: list[dict[str, Any]] = [
        {},
        {"builder": builder, "author": mail},
        {"accepted": outcome, "between": st.sampled_from(("", "forge", "back"))},
        {"words": words},
        {"said": says},
        {"hours": hours},
    ]
    kinds = [
        *(st.builds(Walk, version, **flaw) for flaw in flaws),
        st.builds(Walk, version, builder=builder, accepted=outcome, words=words, said=says),
        st.builds(Build, version, who, mail, st.booleans()),
        st.builds(Approve, env, version, who, how),
        st.builds(Say, st.sampled_from(("deny", "lift")), st.sampled_from(ENVIRONMENTS), version, who, st.booleans()),
        st.builds(Try, env, st.sampled_from((*VERSIONS, "")), action, who, st.booleans(), outcome),
        st.builds(Try, st.just("production"), version, action, known, st.just(value=True), outcome),
        st.builds(Forge, env, version),
        st.builds(Wait, st.integers(1, 200)),
    ]
    return st.lists(st.one_of(kinds), max_size=8)


STEPS = _steps()


@dataclass
class Team:
    """Takes the steps, and keeps books of its own by which the policy is judged."""

    world: World
    # Who rightly approved what for production, until when; who made what; what is denied there.
    approved: dict[tuple[str, str], datetime] = field(default_factory=dict)
    makers: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[tuple[str, str], bool] = field(default_factory=dict)
    # How the last deploy that counts went, of a digest in an environment.
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    serving: dict[str, str] = field(default_factory=dict)
    # What came into production by a deploy that was let in, and went well.
    proven: set[str] = field(default_factory=set)

    def take(self, step: Any) -> None:
        getattr(self, f"_{type(step).__name__.lower()}")(step)

    def allows(self, digest: str) -> bool:
        """Tell by the team's own books whether the right people approve of a digest in production now."""
        people = {
            name for (name, about), until in self.approved.items() if about == digest and until > self.world.now
        } - self.makers.get(digest, set())
        return len(people) > 1 and "stakeholder" in people

    def _build(self, step: Build) -> None:
        digest = self.world.digest(step.version + ("-other" if step.other else ""))
        self.world.build(step.version, digest=digest, by=step.by, author=step.author, dirty="dirty" in step.version)
        author = {"author@example.org": "author", "lead-login": "lead"}.get(step.author, "")
        self.makers.setdefault(digest, set()).update({step.by, author})

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

    def _say(self, step: Say) -> None:
        getattr(self.world, step.word)(step.env, step.version, step.by, forged=step.forged)
        about = (step.env, self.world.digest(step.version))
        deniers = ("author", "guest", *APPROVERS)
        lifters = {"dev": deniers, "acceptance": ("author", "lead", "second-lead")}.get(
            step.env, ("author", *APPROVERS)
        )
        if not step.forged and step.by in (deniers if step.word == "deny" else lifters):
            self.denied[about] = step.word == "deny"

    def _try(self, step: Try) -> None:
        wanted = {"action": step.action, "actor": step.actor or "anonymous", "signed": step.signed}
        answer = self.world.ask(step.env, step.version, **wanted)
        if not answer.admitted:
            return
        self._judge(step, answer.digest)
        before = self.serving.get(step.env, "")
        signer = step.actor if step.signed else ""
        details = {"action": step.action, "outcome": step.outcome, "digest": answer.digest}
        self.world.deploy(step.env, answer.version, by=signer, **details)
        if step.action == "rollback" and step.outcome != "failed" and before not in {"", answer.digest}:
            self.last[step.env, before] = "rolled back"
        if step.outcome != "success" or signer not in {"", "stranger"}:
            self.last[step.env, answer.digest] = step.outcome
        if step.outcome != "failed":
            self.serving[step.env] = answer.digest
        if step.env == "production" and step.outcome == "success":
            self.proven.add(answer.digest)

    def _judge(self, step: Try, digest: str) -> None:
        """Check by the team's own books that it was right to let something in."""
        assert not self.denied.get((step.env, digest))
        if step.env != "production":
            return
        assert step.signed
        assert step.actor in {"author", "lead", "second-lead"}
        if step.action == "deploy":
            assert self.allows(digest)
            assert self.last.get(("acceptance", digest)) == "success"
            assert "dirty" not in step.version
        else:
            assert digest in self.proven
            # What did badly since then somebody has to name.
            assert step.version or self.last["production", digest] == "success"

    def _forge(self, step: Forge) -> None:
        digest = self.world.digest(step.version)
        self.world.deploy(step.env, step.version, by="")
        self.serving[step.env] = digest

    def _walk(self, step: Walk) -> None:
        version = step.version
        self._build(Build(version, step.builder, step.author, other=False))
        self._try(Try("dev", version, "deploy", "author", signed=True, outcome="success"))
        self._approve(Approve("acceptance", version, "lead", "right"))
        self._try(Try("acceptance", version, "deploy", "lead", signed=True, outcome=step.accepted))
        if step.between == "forge":
            self._forge(Forge("acceptance", version))
        elif step.between == "back":
            self._try(Try("acceptance", "", "rollback", "lead", signed=True, outcome="success"))
        for by, how in step.words:
            self._approve(Approve("production", version, by, how))
        for word, by, forged in step.said:
            self._say(Say(word, "production", version, by, forged))
        self._wait(Wait(step.hours))
        self._try(Try("production", version, "deploy", "lead", signed=True, outcome="success"))

    def _wait(self, step: Wait) -> None:
        self.world.now += timedelta(hours=step.hours)


def lived(make_world: type[World], steps: list[Any]) -> Team:
    """Return a team that took the steps, each of which was judged."""
    team = Team(make_world())
    for step in steps:
        team.take(step)
    return team


@settings(quick, max_examples=160)
@given(steps=STEPS)
def test_nothing_gets_anywhere_that_should_not(make_world: type[World], steps: list[Any]) -> None:
    team = lived(make_world, steps)
    # And at the end anybody tries everything, at once and after every approval has expired.
    for hours in (0, 200):
        team.take(Wait(hours))
        for version, actor, action, signed in product({*VERSIONS, ""}, ("lead", "guest"), ACTIONS, (True, False)):
            answer = team.world.ask("production", version, action=action, actor=actor, signed=signed)
            if answer.admitted:
                team._judge(Try("production", version, action, actor, signed, outcome=""), answer.digest)


def test_the_right_steps_get_into_production_and_back(make_world: type[World]) -> None:
    back = Try("production", "", "rollback", "lead", signed=True, outcome="success")
    team = lived(make_world, [Walk("1"), Walk("2"), Wait(1000), back])
    assert team.proven == {team.world.digest("1"), team.world.digest("2")}
    assert team.serving["production"] == team.world.digest("1")


def verdicts(world: World, **wanted: Any) -> dict[tuple[str, str, str], bool]:
    """Return whether each release would be let into each environment."""
    return {
        (env, version, action): world.ask(env, version, **{"action": action} | wanted).admitted
        for env in ENVIRONMENTS
        for version in set(VERSIONS)
        for action in ("deploy", "rollback")
    }


def no_more(after: dict[Any, bool], before: dict[Any, bool]) -> None:
    """Assert that nothing is let in which was not before."""
    assert [about for about, admitted in after.items() if admitted and not before[about]] == []


@quick
@given(steps=STEPS, env=st.sampled_from(ENVIRONMENTS), version=st.sampled_from(VERSIONS), by=st.sampled_from(ANYBODY))
def test_a_right_approval_takes_nothing_away_and_a_forged_one_changes_nothing(
    make_world: type[World], steps: list[Any], env: str, version: str, by: str
) -> None:
    world = lived(make_world, steps).world
    before, now = verdicts(world), world.now
    world.approve(env, version, by, forged=True)
    world.now = now
    assert verdicts(world) == before
    world.approve(env, version, by)
    world.now = now
    no_more(before, verdicts(world))


@quick
@given(steps=STEPS, env=st.sampled_from(ENVIRONMENTS), version=st.sampled_from(VERSIONS), data=st.data())
def test_what_speaks_against_a_release_never_helps_one(
    make_world: type[World], steps: list[Any], env: str, version: str, data: st.DataObject
) -> None:
    world = lived(make_world, steps).world
    before = verdicts(world)
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
        known = [entry.record.version for entry in world.entries if entry.record.kind == "build"]
        if version in known:
            world.build(version, digest=world.digest("evil"), by="lead")
    elif approvals:
        world.entries.remove(data.draw(st.sampled_from(approvals)))
    no_more(verdicts(world, **wanted), before)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_no_answer_without_a_reason(world: World, env: str) -> None:
    for version in ("", *VERSIONS):
        for action in ACTIONS:
            answer = world.ask(env, version, action=action, actor="stranger", signed=False)
            assert answer.refusals
            assert all(refusal.startswith(f"{env}: ") for refusal in answer.refusals)
