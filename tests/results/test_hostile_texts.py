"""What people typed reaches nobody as a terminal's command, as Markdown, or as a command of GitHub's runner."""

from datetime import UTC, datetime

from ci.agent.protocol import responses as r
from ci.delivery.request import DeliveryReport, StageResult
from ci.ledger.views import EnvironmentsView, EnvironmentView
from ci.outcome import Outcome
from ci.results import Deployment, Environments, EnvironmentStatus, Findings, SecretList
from ci.results.settings import EffectiveSettings
from ci.settings.effective import EffectiveSetting
from ci.stages.errors import StageFailed
from ci.stages.finding import Finding
from ci.targets.target import Lock, LockState, ReleaseState, SecretState, SecretVersion, TargetState
from tests.hostile_texts import HOSTILE, assert_harmless, assert_harmless_markdown, respond

AT = datetime(2026, 1, 2, tzinfo=UTC)
LOCK = Lock(holder=HOSTILE, reason=HOSTILE, since=AT, until=AT, token="")
RELEASE = ReleaseState(
    release=HOSTILE, version=HOSTILE, image=HOSTILE, role="current", replicas=1, healthy=1, created=""
)
STATE = TargetState(
    address=HOSTILE,
    current=RELEASE,
    by_hand=HOSTILE,
    releases=(RELEASE,),
    services={HOSTILE: 1},
    lock=LockState(lock=LOCK),
)
STAGE = StageResult(name="policy", ok=True, message=HOSTILE, seconds=1)
REPORT = DeliveryReport(
    environment="dev",
    action="deploy",
    version=HOSTILE,
    digest="",
    outcome=Outcome.SUCCEEDED,
    message=HOSTILE,
    address=HOSTILE,
    by="a",
    stages=(STAGE,),
    approvals=(HOSTILE,),
    warnings=(HOSTILE,),
)


def test_target_state_is_harmless() -> None:
    status = EnvironmentStatus.of("dev", respond(r.Status(message=HOSTILE, state=STATE)))
    assert_harmless(status)
    assert not [text for text in (*status.releases, *status.services, status.lock) if "\n" in text]
    assert_harmless_markdown(status.summary)


def test_delivery_is_harmless() -> None:
    deployment = Deployment.of(respond(r.Delivered(message=HOSTILE, delivery=REPORT)).delivery)
    assert_harmless(deployment)
    assert_harmless_markdown(deployment.summary)


def test_environments_are_harmless() -> None:
    view = EnvironmentsView(
        environments=(EnvironmentView(environment="dev", version=HOSTILE, actor=HOSTILE, since=AT),)
    )
    for state in (STATE, HOSTILE):
        status = r.EnvironmentsStatus(message="", view=view, states={"dev": state}, problems=(HOSTILE,))
        result = Environments.of(respond(status))
        assert_harmless(result)
        assert_harmless_markdown(result.summary)
        assert len(result.summary.splitlines()) == 4


def test_secrets_are_harmless() -> None:
    secret = SecretState(
        name=HOSTILE, declared=True, versions=(SecretVersion(version=1, since="", releases=(HOSTILE,)),)
    )
    result = SecretList.of("dev", respond(r.Secrets(message=HOSTILE, secrets=(secret,))))
    assert_harmless(result)
    assert_harmless_markdown(result.summary)


def test_refusal_is_harmless() -> None:
    refused = respond(r.Refused(message=HOSTILE, reasons=(HOSTILE, "b")))
    assert len("\n".join(refused.reasons).splitlines()) == 2
    assert_harmless(str(StageFailed(f"{HOSTILE}\n{HOSTILE}")))


def test_settings_and_findings_are_harmless() -> None:
    settings = EffectiveSettings.of("dev", [EffectiveSetting(path="a", value=HOSTILE, source="b")])
    assert_harmless_markdown(settings.summary)
    found = Finding("ruff", HOSTILE, 1, HOSTILE)
    result = Findings.of([found.text], [found.annotation])
    assert_harmless_markdown(result.summary, heading="1 findings")
    assert_harmless(result.lines)
    assert len(result.annotations.splitlines()) == 1
    assert result.annotations.isprintable()
