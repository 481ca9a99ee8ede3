from pathlib import Path

import pytest
from pydantic import ValidationError

from orders.settings import Feature, LogLevel, Settings

URL = "postgresql://orders:hunter2@db/orders"

pytestmark = pytest.mark.usefixtures("clean_environment")


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, DATABASE_URL=URL, FEATURES="", PORT="")
    assert found.model_dump(exclude={"database_url"}) == {
        "database_url_file": None,
        "migrate_on_start": True,
        "features": frozenset(),
        "log_level": LogLevel.INFO,
        "port": 8000,
        "drain_seconds": 3,
        "finish_seconds": 5,
        "app_version": "dev",
    }


def test_database_url_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(URL + "\n")
    found = settings(monkeypatch, DATABASE_URL_FILE=str(tmp_path / "url"))
    assert found.database_url.get_secret_value() == URL


def test_the_password_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in repr(settings(monkeypatch, DATABASE_URL=URL))


@pytest.mark.parametrize(
    ("value", "enabled", "unknown"),
    [
        ("order-search", [Feature.ORDER_SEARCH], []),
        (" order-search , later,", [Feature.ORDER_SEARCH], ["later"]),
        ("all", list(Feature), []),
        ("later", [], ["later"]),
    ],
)
def test_features(monkeypatch: pytest.MonkeyPatch, value: str, enabled: list[Feature], unknown: list[str]) -> None:
    found = settings(monkeypatch, DATABASE_URL=URL, FEATURES=value)
    assert found.enabled == enabled
    assert found.unknown_features == unknown


@pytest.mark.parametrize(
    ("value", "level"),
    [("off", LogLevel.OFF), ("DEBUG", LogLevel.DEBUG), ("minimal", LogLevel.WARNING), ("error", LogLevel.ERROR)],
)
def test_log_level(monkeypatch: pytest.MonkeyPatch, value: str, level: LogLevel) -> None:
    assert settings(monkeypatch, DATABASE_URL=URL, LOG_LEVEL=value).log_level is level


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "database_url\n  Field required"),
        ({"DATABASE_URL": "postgresql://[hunter2"}, "must be like postgresql://user:password@host:5432/name"),
        ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL_FILE: /nowhere: No such file or directory"),
        ({"DATABASE_URL": URL, "DATABASE_URL_FILE": "/nowhere"}, "set DATABASE_URL or DATABASE_URL_FILE, not both"),
        ({"DATABASE_URL": URL, "LOG_LEVEL": "loud"}, "log_level\n  Input should be"),
        ({"DATABASE_URL": URL, "PORT": "0"}, "port\n"),
        ({"DATABASE_URL": URL, "DRAIN_SECONDS": "-1"}, "drain_seconds\n"),
    ],
)
def test_mistakes(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, **environment)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)
