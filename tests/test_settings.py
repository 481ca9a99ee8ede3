"""`pipeline.toml`: values, defaults, overrides and errors."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci.settings import Settings, SettingsError, find_person
from ci.settings.effective import EffectiveSetting, list_effective
from ci.settings.values import read_period

FILE = """
[app]
name = "shop"
module = "shop.main:app"

[registry]
repository = "localhost:5000/shop"

[environments.dev]
kind = "dev"

[environments.production]
kind = "production"
edge.port = 9000
"""

PEOPLE = """
[people.lead]
emails = ["lead@example.org"]
github = "lead-login"
roles = ["lead"]

[people.stakeholder]
emails = ["stakeholder@example.org", "stake@example.com"]
roles = ["stakeholder"]
"""


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(text, overrides)
    return caught.value.problems


def test_projects_own_file_is_valid() -> None:
    text = (Path(__file__).parents[1] / "pipeline.toml").read_text()
    assert list(Settings.parse(text).environments) == ["dev", "acceptance", "production"]


def test_unset_values_are_the_defaults_of_the_kind() -> None:
    settings = Settings.parse(FILE)
    dev, production = settings.environment("dev"), settings.environment("production")
    assert (dev.log_level, dev.features, dev.tests) == ("debug", "all", "integration")
    assert (production.log_level, production.features, production.tests) == ("off", (), "smoke")
    assert production.replicas > dev.replicas
    assert production.verify.window > dev.verify.window


def test_set_value_keeps_the_others_of_its_table() -> None:
    dev = Settings.parse(FILE + "[environments.qa]\nkind = 'dev'\nedge.port = 1\nresources.cpus = 4").environment("qa")
    assert dev.resources.cpus == 4
    assert dev.resources.memory_bytes == 256 << 20


def test_environments_keep_the_order_of_the_file() -> None:
    text = FILE.replace("[environments.dev]", "[environments.later]\nkind = 'dev'\nedge.port = 7\n[environments.dev]")
    assert list(Settings.parse(text).environments) == ["later", "dev", "production"]


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("environments.dev.replicas=3", ("replicas",), 3),
        ("environments.dev.log_level=off", ("log_level",), "off"),
        ('environments.dev.log_level="off"', ("log_level",), "off"),
        ('environments.dev.features=["a", "b"]', ("features",), ("a", "b")),
        ("environments.dev.verify.window=2.5", ("verify", "window"), 2.5),
        ("environments.dev.edge={port = 81}", ("edge", "port"), 81),
    ],
)
def test_override_replaces_the_files_value(override: str, path: tuple[str, ...], expected: object) -> None:
    value: object = Settings.parse(FILE, [override]).environment("dev")
    for name in path:
        value = getattr(value, name)
    assert value == expected


@pytest.mark.parametrize(
    "parts",
    [
        ["environments.dev.features=['a'", "'b']"],
        ["environments.dev.replicas=3", 'environments.dev.features=["a"', '"b"]', "environments.dev.replicas=4"],
        ["environments.dev={features = ['a'", "'b']", " replicas = 4}"],
        ["environments.dev.features=['a'", " 'b'", "]", "app.port=9000"],
    ],
)
def test_value_that_the_command_line_split_at_its_commas_is_whole_again(parts: list[str]) -> None:
    assert Settings.parse(FILE, parts).environment("dev").features == ("a", "b")


@pytest.mark.parametrize("parts", [["app.port=[1", "app.port=2]"], ["app.port=[", "environments.dev.replicas=2"]])
def test_parts_that_make_no_value_stay_apart(parts: list[str]) -> None:
    assert "app.port: must be a whole number" in problems(FILE, *parts)[0]


def test_last_override_counts() -> None:
    settings = Settings.parse(FILE, ["environments.dev.replicas=3", "environments.dev.replicas=4"])
    assert settings.environment("dev").replicas == 4


def test_settings_survive_the_way_through_json() -> None:
    settings = Settings.parse(FILE, ["environments.dev.features=['a']"])
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            "environments.production.replicas=0",
            "override: environments.production.replicas: must be at least 1 (is 0)",
        ),
        ("environments.dev.replicas=many", "override: environments.dev.replicas: must be a whole number (is many)"),
        (
            "environments.dev.log_level=loud",
            "override: environments.dev.log_level: must be 'debug', 'minimal' or 'off' (is loud)",
        ),
        (
            "environments.dev.resources.memory=256M",
            "must be a whole number with a unit of B, KiB, MiB or GiB, like 256MiB (is 256M)",
        ),
        ("environments.dev.features=1", "override: environments.dev.features: must be a list or must be 'all' (is 1)"),
        ("environments.dev.kind=test", "must be 'dev', 'acceptance' or 'production' (is test)"),
        ("app.name=My Shop", "override: app.name: must be at most 30 lower-case letters"),
        ("app.path=../shop", "override: app.path: must be a path inside the repository"),
        ("app.health_path=health", "override: app.health_path: must be a path of the service that starts with /"),
        ("registry.repository=shop", "override: registry.repository: must be a registry and a repository"),
        ("environments.dev.target.address=ssh://host", "must be unix or ssh://user@host"),
        ("environments.dev.target.address=ssh://me@host", "known_hosts must hold the host's key"),
        ("images=3", "override: images: must be a table (is 3)"),
        ("environments.dev.edge.port=9000", "must differ from that of"),
    ],
)
def test_wrong_value_is_refused_with_its_path(changes: str, expected: str) -> None:
    (problem,) = problems(FILE, changes)
    assert expected in problem


def test_wrong_value_of_the_file_names_the_file() -> None:
    (problem,) = problems(FILE.replace("edge.port = 9000", "replicas = 0"))
    assert problem == "pipeline.toml: environments.production.replicas: must be at least 1 (is 0)"


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        FILE.replace('name = "shop"', ""), "environments.dev.replicas=0", "environments.dev.edge.port=70000"
    )
    assert len(found) == 3
    assert "pipeline.toml: app.name: must be set" in found


def test_missing_kind_is_one_problem() -> None:
    assert problems(FILE.replace('kind = "dev"', "")) == ("pipeline.toml: environments.dev.kind: must be set",)


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("environments.dev.replcas=1", "environments.dev.replcas: unknown key (did you mean replicas?)"),
        ("environments.dev.edge.prt=1", "environments.dev.edge.prt: unknown key (did you mean port?)"),
        ("appp.name=x", "appp: unknown key (did you mean app?)"),
    ],
)
def test_unknown_key_is_refused_with_the_most_similar_one(override: str, suggestion: str) -> None:
    (problem,) = problems(FILE, override)
    assert suggestion in problem


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (FILE.replace("edge.port", "tell = ['https://x']\nedge.port"), "production.tell: was renamed: call it notify"),
        (FILE.replace("edge.port", "proof = 'smoke'\nedge.port"), "production.proof: was renamed: call it tests"),
        (f"{FILE}[release]\nrevoked_keys = 'revoked'", "pipeline.toml: release: was renamed: call it signing"),
    ],
)
def test_renamed_setting_is_refused_with_its_new_name(file: str, problem: str) -> None:
    (found,) = problems(file)
    assert found.endswith(problem)
    assert found.startswith("pipeline.toml: ")


def test_syntax_error_has_its_line() -> None:
    (problem,) = problems(FILE.replace("9000", "90 00"))
    assert problem.startswith("pipeline.toml: line 14, column 16: ")


def test_override_without_a_value_is_refused() -> None:
    (problem,) = problems(FILE, "environments.dev.replicas")
    assert problem == "override environments.dev.replicas: must be path=value, like environments.dev.replicas=3"


def test_file_without_environments_is_refused() -> None:
    (problem,) = problems(FILE.partition("[environments")[0] + "[environments]")
    assert "environments: must hold at least one environment" in problem


def test_app_without_module_or_dockerfile_is_refused() -> None:
    (problem,) = problems(FILE.replace('module = "shop.main:app"', ""))
    assert "app: must have a module (like orders) or a dockerfile" in problem


def test_unknown_environment_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"environments\.prod: no such environment .*production\?.*dev, production"):
        Settings.parse(FILE).environment("prod")


def test_third_party_images_are_beside_the_services_image() -> None:
    registry = Settings.parse(FILE).registry
    assert registry.beside("caddy:2") == "localhost:5000/library/caddy"
    assert registry.beside("grafana/grafana:12") == "localhost:5000/grafana/grafana"
    assert registry.is_loopback


def test_base_image_is_a_key_of_images_or_an_image() -> None:
    assert Settings.parse(FILE).base_image() == "python:3.13-slim"
    assert Settings.parse(FILE, ["app.base_image=node:24"]).base_image() == "node:24"


def test_address_is_the_edges_address() -> None:
    assert Settings.parse(FILE).environment("production").address == "http://localhost:9000"
    given = Settings.parse(FILE, ["environments.dev.edge.address=https://shop.example.org"])
    assert given.environment("dev").address == "https://shop.example.org"


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("90s", 90), ("30m", 1800), ("2h", 7200)])
def test_period_has_a_unit(text: str, seconds: float) -> None:
    assert read_period(text) == seconds


@pytest.mark.parametrize("text", ["30", "m", "-1m", "1.5h", "30m\n", "30 m", "1d", "25h"])
def test_other_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="like 30m"):
        read_period(text)


def test_former_health_command_is_refused_with_what_replaces_it() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.parse(FILE, ['app.health_command=["true"]'])
    (problem,) = refused.value.problems
    assert problem.startswith("override: app.health_command: is gone")
    assert "app.health_path" in problem
    assert "app.liveness_command" in problem


def test_protection_of_an_environment_comes_from_its_kind() -> None:
    settings = Settings.parse(FILE + PEOPLE + "[environments.acceptance]\nkind = 'acceptance'\nedge.port = 1")
    dev, acceptance, production = (settings.environment(name) for name in ("dev", "acceptance", "production"))
    assert [part.signed for part in (dev, acceptance, production)] == [False, False, True]
    assert [part.approvals.count for part in (dev, acceptance, production)] == [0, 1, 2]
    assert acceptance.approvals.roles == ("lead",)
    assert production.approvals.roles == ("lead", "stakeholder")
    assert production.approvals.including == ("stakeholder",)
    assert production.approvals.valid_for == 7 * 24 * 3600
    assert [part.approvals.by_author for part in (acceptance, production)] == [True, False]
    assert [part.overriders for part in (dev, production)] == [(), ("lead",)]


def test_file_without_people_is_valid() -> None:
    settings = Settings.parse(FILE)
    assert settings.people == {}
    assert (settings.signing.allowed_signers, settings.signing.revoked_keys) == ("allowed_signers", "")
    assert (settings.app.migrations, settings.app.forward_compatible) == ("", True)


def test_person_is_found_by_name_login_and_address() -> None:
    people = Settings.parse(FILE + PEOPLE).people
    names = ["lead", "Lead-Login", "STAKE@example.com", "else@example.org", ""]
    assert [find_person(people, name) for name in names] == ["lead", "lead", "stakeholder", "", ""]


@pytest.mark.parametrize(
    ("freeze", "begin", "end"),
    [
        ("from = 2026-12-24, until = 2026-12-26", "2026-12-24T00:00", "2026-12-27T00:00"),
        ("from = 2026-12-24T18:00:00+02:00, until = 2026-12-25T08:00:00Z", "2026-12-24T16:00", "2026-12-25T08:00"),
        ("from = 2026-12-24T18:00:00, until = 2026-12-24", "2026-12-24T18:00", "2026-12-25T00:00"),
    ],
)
def test_freeze_window_is_between_moments_or_whole_days(freeze: str, begin: str, end: str) -> None:
    settings = Settings.parse(FILE, [f"environments.dev.freezes=[{{reason = 'holidays', {freeze}}}]"])
    (found,) = settings.environment("dev").freezes
    assert (found.start, found.until) == tuple(datetime.fromisoformat(f"{part}Z") for part in (begin, end))
    assert found.start
    assert found.start.tzinfo is UTC
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_freeze_window_can_repeat() -> None:
    change = "environments.dev.freezes=[{reason = 'weekend', cron = '0 16 * * FRI', hours = 64}]"
    (freeze,) = Settings.parse(FILE, [change]).environment("dev").freezes
    assert (freeze.cron, freeze.hours, freeze.start) == ("0 16 * * FRI", 64, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("people.lead.emails=['lead']", "people.lead.emails.0: must be an e-mail address, like lead@example.org"),
        ("people.lead.github=@lead", "people.lead.github: must be a GitHub login, without an @ before it (is @lead)"),
        ("people.lead.role=['lead']", "people.lead.role: unknown key (did you mean roles?)"),
        ("people.lead.roles=['Lead']", "people.lead.roles.0: must be at most 30 lower-case letters"),
        ("people.anonymous.roles=['lead']", "people.anonymous: must be another name"),
        ("people={'a,b' = {}, lead = {roles = ['lead']}}", "people.a,b: must be at most 64 letters, digits"),
        (
            "people.stakeholder.github=LEAD-login",
            "people.stakeholder.github: must belong to one person: lead has it too (is LEAD-login)",
        ),
        (
            "people.stakeholder.emails=['Lead@example.org']",
            "people.stakeholder.emails: must belong to one person: lead has it too (is Lead@example.org)",
        ),
        ("signing.allowed_signers=", "override: signing.allowed_signers: must hold something (is empty)"),
        ("signing.revoked_keys=/etc/revoked", "override: signing.revoked_keys: must be a path inside the repository"),
        ("app.forward_compatible=perhaps", "override: app.forward_compatible: must be true or false (is perhaps)"),
        ("app.migrations=../other", "override: app.migrations: must be a path inside the repository"),
        ("environments.dev.signed=1.5", "override: environments.dev.signed: must be true or false (is 1.5)"),
        (
            "environments.dev.deployers=['leed']",
            "no person under [people] has the role leed (did you mean lead?); people have lead, stakeholder",
        ),
        ("environments.dev.overriders=['boss']", "dev.overriders: no person under [people] has the role boss; people"),
        (
            "environments.production.approvals.including=['lead', 'boss']",
            "approvals: including must only name roles that may approve (lead, stakeholder), not boss",
        ),
        (
            "environments.production.approvals.count=3",
            "count: must be at most 2, the number of people with the role lead or stakeholder: lead, stakeholder",
        ),
        ("environments.dev.approvals.count=1", "roles must name who may approve where count is not 0"),
        ("environments.dev.approvals.count=-1", "approvals.count: must be at least 0 (is -1)"),
        ("environments.dev.approvals.valid_for=5", "approvals.valid_for: must be at least 60 (is 5)"),
        (
            "environments.dev.freezes=[{reason = 'x', from = 2026-02-01, until = 2026-01-01}]",
            "override: environments.dev.freezes.0: from must be before until (is 2026-02-01T00:00Z)",
        ),
        ("environments.dev.freezes=[{reason = 'x', from = 2026-02-01}]", "freezes.0: must have a reason, and either"),
        ("environments.dev.freezes=[{reason = 'x', cron = '* * * * *'}]", "freezes.0: must have a reason, and either"),
        (
            "environments.dev.freezes=[{reason = 'x', from = 2026-02-01, until = 2026-03-01, hours = 1}]",
            "environments.dev.freezes.0: must have a reason, and either from and until or cron and hours",
        ),
        ("environments.dev.freezes=[{from = 2026-02-01, until = 2026-03-01}]", "freezes.0.reason: must be set"),
        (
            "environments.dev.freezes=[{reason = 'x', form = 2026-02-01, cron = '* * * * *', hours = 1}]",
            "environments.dev.freezes.0.form: unknown key (did you mean from?); known are reason, from, until, cron",
        ),
        (
            "environments.dev.freezes=[{reason = 'x', from = 'soon', until = 2026-03-01}]",
            "environments.dev.freezes.0.from: must be a date or a date and time, like 2026-12-24",
        ),
        (
            "environments.dev.freezes=[{reason = 'x', from = 5, until = 2026-03-01}]",
            "environments.dev.freezes.0.from: must be a date or a date and time, like 2026-12-24",
        ),
        (
            "environments.dev.freezes=[{reason = 'x', cron = '0 16 * * FRIDAY', hours = 1}]",
            "freezes.0.cron: must be five fields of cron that match some time, like 0 16 * * FRI (is 0 16 * * FRIDAY)",
        ),
        ("environments.dev.freezes=[{reason = 'x', cron = '0 0 31 2 *', hours = 1}]", "must be five fields of cron"),
        ("environments.dev.freezes=[{reason = 'x', cron = '0 0 0 1 1 *', hours = 1}]", "must be five fields of cron"),
        ("environments.dev.freezes=[{reason = 'x', cron = '0 0 1 1 *', hours = 0}]", "hours: must be more than 0 (is"),
        ("environments.dev.secrets=['../key']", "environments.dev.secrets.0: must be a file's name"),
        ("environments.dev.secrets=['key', 'key']", "environments.dev.secrets: must name each secret once (has key 2"),
    ],
)
def test_wrong_protection_is_refused_with_its_path(changes: str, expected: str) -> None:
    (problem,) = problems(FILE + PEOPLE, changes)
    assert expected in problem


def test_role_of_an_environment_needs_a_person() -> None:
    (problem,) = problems(FILE, "environments.dev.deployers=['lead']")
    assert problem == (
        "override: environments.dev.deployers: no person under [people] has the role lead; "
        'add it to a person: roles = ["lead"]'
    )


def test_default_approvals_need_people_with_their_roles() -> None:
    (problem,) = problems(FILE + PEOPLE.replace('roles = ["stakeholder"]', 'roles = ["lead"]'))
    assert problem == (
        "pipeline.toml: environments.production.approvals.including: no person under [people] has the role "
        "stakeholder, which environments of the kind production need: add it to a person, or set this"
    )


def test_conflicts_are_reported_with_the_other_problems() -> None:
    found = problems(
        FILE + PEOPLE,
        "environments.dev.replicas=0",
        "people.lead.emails=['stake@example.com']",
        "environments.production.approvals.count=9",
        "app.module=",
    )
    assert [re.split(r": (?=must)", problem)[0] for problem in found] == [
        "override: environments.dev.replicas",
        "pipeline.toml: app",
        "pipeline.toml: people.stakeholder.emails",
        "override: environments.production.approvals.count",
    ]


def test_effective_settings_have_their_source() -> None:
    rows = list_effective(FILE + PEOPLE, ["environments.production.replicas=4"], "production")
    assert {
        EffectiveSetting("environments.production.replicas", "4", "override"),
        EffectiveSetting("environments.production.edge.port", "9000", "file"),
        EffectiveSetting("environments.production.approvals.count", "2", "default of production"),
        EffectiveSetting("environments.production.verify.traffic", "10.0", "default"),
        EffectiveSetting("environments.production.verify.window", "120.0", "default of production"),
        EffectiveSetting("people.lead.github", '"lead-login"', "file"),
        EffectiveSetting("app.name", '"shop"', "file"),
        EffectiveSetting("signing.allowed_signers", '"allowed_signers"', "default"),
    } <= set(rows)
    assert not [row for row in rows if row.path.startswith("environments.dev")]


def test_effective_settings_of_an_unknown_environment_are_an_error() -> None:
    with pytest.raises(SettingsError, match=r"environments\.prod: no such environment .*production\?"):
        list_effective(FILE, [], "prod")


def test_empty_file_misses_each_table_once() -> None:
    assert problems("") == tuple(f"pipeline.toml: {name}: must be set" for name in ("app", "registry", "environments"))


def test_roles_are_not_checked_where_a_person_is_invalid() -> None:
    (problem,) = problems(FILE + PEOPLE, "people.lead.roles=3", "environments.dev.deployers=['boss']")
    assert problem == "override: people.lead.roles: must be a list (is 3)"
