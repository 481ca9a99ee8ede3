"""The requests of the agent: each is JSON that comes back the same, reads well, and holds no path and no rule."""

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from ci.agent.dispatch import HANDLERS
from ci.agent.protocol import requests as r
from ci.ledger.records import BuildDescription

DIGEST = f"sha256:{'a' * 64}"
BUILD = BuildDescription(
    version="1.4.2", image=f"localhost:5000/orders@{DIGEST}", inputs="b" * 64, author="author@example.org"
)
# One or more requests of every kind, and how the command line shows them.
REQUESTS: list[tuple[r.AnyRequest, str]] = [
    (r.Identify(), "identify"),
    (r.Identify(version="1.4.2"), "identify 1.4.2"),
    (r.ReadTags(tags=("1.4.2", "tests-1.4.2")), "read-tags"),
    (r.Prepare(environment="dev"), "prepare dev"),
    (r.Prepare(environment="dev", version="1.4.2"), "prepare dev 1.4.2"),
    (r.PushArchives(environment="dev", tags={"image.tar": "1.4.2"}), "push dev"),
    (r.RecordBuild(**BUILD.model_dump()), "record-build 1.4.2"),
    (r.Deliver(environment="dev", version="1.4.2", build=BUILD), "deliver dev 1.4.2"),
    (r.Deliver(environment="production", action="rollback"), "deliver rollback production"),
    (r.Deliver(environment="production", action="restore", version="1.4.1"), "deliver restore production 1.4.1"),
    (r.RunTests(environment="dev"), "test dev"),
    (r.Verify(environment="dev"), "verify dev"),
    (r.LockEnvironment(environment="dev", by="lead", reason="accounts", seconds=60), "lock dev"),
    (r.UnlockEnvironment(environment="dev", force=True), "unlock dev"),
    (r.ReadStatus(environment="dev"), "status dev"),
    (r.ReadEnvironments(), "environments"),
    (r.ReadLedger(view="history"), "read history"),
    (r.ReadLedger(view="report", environment="dev", version="1.4.2"), "read report dev 1.4.2"),
    (r.Approve(environment="dev", version="1.4.2", note="fine", seconds=3600), "approve dev 1.4.2"),
    (r.Deny(environment="dev", version="1.4.2", reason="loses orders"), "deny dev 1.4.2"),
    (r.Lift(environment="dev", version="1.4.2", reason="mended"), "lift dev 1.4.2"),
    (r.WriteStatement(act="deny", environment="dev", version="1.4.2", reason="why"), "statement dev 1.4.2"),
    (r.ApproveFromGithub(environment="dev", version="1.4.2", github_run="7"), "approve-from-github dev 1.4.2"),
    (r.BootstrapGithub(), "bootstrap-github"),
    (r.SetSecret(environment="dev", name="api-key"), "set-secret dev api-key"),
    (r.ListSecrets(environment="dev"), "list-secrets dev"),
    (r.Provision(environment="dev"), "provision dev"),
]
KINDS: set[type[r.Request]] = set(get_args(get_args(r.AnyRequest)[0]))


def test_every_kind_of_request_is_among_these() -> None:
    assert {type(request) for request, _ in REQUESTS} == KINDS


def test_every_kind_of_request_has_one_handler() -> None:
    assert set(HANDLERS) == KINDS


@pytest.mark.parametrize(("request_", "words"), REQUESTS, ids=[words for _, words in REQUESTS])
def test_request_survives_json_and_has_a_command_line(request_: r.AnyRequest, words: str) -> None:
    assert r.read_request(request_.model_dump_json()) == request_
    assert " ".join(request_.arguments) == words


@pytest.mark.parametrize("extra", ["settings", "rules", "access", "socket", "key_file", "path", "home", "login"])
@pytest.mark.parametrize(("request_", "words"), REQUESTS, ids=[words for _, words in REQUESTS])
def test_request_brings_no_rule_path_or_socket(request_: r.AnyRequest, words: str, extra: str) -> None:
    text = json.dumps(request_.model_dump(mode="json") | {extra: "/etc"})
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        r.read_request(text)
    assert extra not in words


@pytest.mark.parametrize("name", ["../rules.json", "/etc/hostname", "a/b.tar", "", "..", ".hidden"])
def test_archives_are_named_without_a_path(name: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        r.PushArchives(environment="dev", tags={name: "1.4.2"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON"),
        ("[]", "dict_type"),
        ("{}", "Unable to extract tag"),
        ('{"request": "obey"}', "does not match any of the expected tags"),
        ('{"request": "status"}', "environment"),
        ('{"request": "deliver", "environment": "dev", "action": "destroy"}', "action"),
        ('{"request": "lock", "environment": "dev", "by": "x", "reason": "y", "seconds": 0}', "greater than 0"),
        ('{"request": "approve-from-github", "environment": "dev", "version": "1", "github_run": "1/.."}', "pattern"),
    ],
)
def test_other_text_is_no_request(text: str, problem: str) -> None:
    with pytest.raises(ValidationError) as failure:
        r.read_request(text)
    assert problem in str(failure.value)


def test_request_cannot_be_changed() -> None:
    request: Any = r.ReadStatus(environment="dev")
    with pytest.raises(ValidationError, match="frozen"):
        request.environment = "production"
