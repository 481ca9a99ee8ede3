"""`pipeline.toml`: what it sets, what is refused, and how that is said."""

from pathlib import Path

import pytest

from ci.settings import Settings, SettingsError

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


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(text, overrides)
    return caught.value.problems


def test_the_projects_own_file_is_right() -> None:
    text = (Path(__file__).parents[1] / "pipeline.toml").read_text()
    assert list(Settings.parse(text).environments) == ["dev", "acceptance", "production"]


def test_what_is_not_set_comes_from_the_kind() -> None:
    settings = Settings.parse(FILE)
    dev, production = settings.environment("dev"), settings.environment("production")
    assert (dev.log_level, dev.features, dev.proof) == ("debug", "all", "integration")
    assert (production.log_level, production.features, production.proof) == ("off", (), "smoke")
    assert production.replicas > dev.replicas
    assert production.verify.window > dev.verify.window


def test_a_set_value_leaves_the_others_of_its_table() -> None:
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
def test_overrides_lie_over_the_file(override: str, path: tuple[str, ...], expected: object) -> None:
    value: object = Settings.parse(FILE, [override]).environment("dev")
    for name in path:
        value = getattr(value, name)
    assert value == expected


def test_the_last_override_counts() -> None:
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
def test_a_wrong_value_is_refused_with_its_place(changes: str, expected: str) -> None:
    (problem,) = problems(FILE, changes)
    assert expected in problem


def test_a_wrong_value_of_the_file_names_the_file() -> None:
    (problem,) = problems(FILE.replace("edge.port = 9000", "replicas = 0"))
    assert problem == "pipeline.toml: environments.production.replicas: must be at least 1 (is 0)"


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        FILE.replace('name = "shop"', ""), "environments.dev.replicas=0", "environments.dev.edge.port=70000"
    )
    assert len(found) == 3
    assert "pipeline.toml: app.name: must be set" in found


def test_a_missing_kind_is_one_problem() -> None:
    assert problems(FILE.replace('kind = "dev"', "")) == ("pipeline.toml: environments.dev.kind: must be set",)


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("environments.dev.replcas=1", "environments.dev.replcas: unknown key (did you mean replicas?)"),
        ("environments.dev.edge.prt=1", "environments.dev.edge.prt: unknown key (did you mean port?)"),
        ("appp.name=x", "appp: unknown key (did you mean app?)"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(override: str, suggestion: str) -> None:
    (problem,) = problems(FILE, override)
    assert suggestion in problem


def test_a_syntax_error_has_its_line() -> None:
    (problem,) = problems(FILE.replace("9000", "90 00"))
    assert problem.startswith("pipeline.toml: line 14, column 16: ")


def test_an_override_without_a_value_is_refused() -> None:
    (problem,) = problems(FILE, "environments.dev.replicas")
    assert problem == "override environments.dev.replicas: must be path=value, like environments.dev.replicas=3"


def test_no_environment_at_all_is_refused() -> None:
    (problem,) = problems(FILE.partition("[environments")[0] + "[environments]")
    assert "environments: must hold at least one environment" in problem


def test_nothing_to_start_is_refused() -> None:
    (problem,) = problems(FILE.replace('module = "shop.main:app"', ""))
    assert "app: must have a module (like orders.main:app) or a dockerfile" in problem


def test_an_unknown_environment_lists_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match=r"environments\.prod: no such environment .*production\?.*dev, production"):
        Settings.parse(FILE).environment("prod")


def test_third_party_images_stand_beside_the_services() -> None:
    registry = Settings.parse(FILE).registry
    assert registry.beside("caddy:2") == "localhost:5000/library/caddy"
    assert registry.beside("grafana/grafana:12") == "localhost:5000/grafana/grafana"
    assert registry.is_loopback


def test_the_base_image_is_a_name_of_an_image_or_an_image() -> None:
    assert Settings.parse(FILE).base_image() == "python:3.13-slim"
    assert Settings.parse(FILE, ["app.base_image=node:24"]).base_image() == "node:24"


def test_the_address_is_the_edges() -> None:
    assert Settings.parse(FILE).environment("production").address == "http://localhost:9000"
    given = Settings.parse(FILE, ["environments.dev.edge.address=https://shop.example.org"])
    assert given.environment("dev").address == "https://shop.example.org"


def test_a_probe_of_ones_own_is_taken_as_it_is() -> None:
    assert Settings.parse(FILE, ['app.health_command=["true"]']).app.probe == ("true",)
    assert "GET /healthz" in Settings.parse(FILE).app.probe[-1]
