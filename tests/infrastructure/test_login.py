"""The login that the target shows to a registry."""

import base64
import json
from pathlib import Path

import pytest

from ci.targets.errors import NotReadyError
from ci.targets.stack import RegistryLogin
from ci.targets.swarm.images import auth_header


def shown(login: RegistryLogin) -> dict[str, str]:
    return dict(json.loads(base64.urlsafe_b64decode(auth_header(login, "registry.test:5000/team/service"))))


def test_registry_without_a_user_gets_no_login() -> None:
    assert shown(RegistryLogin()) == {}


def test_login_holds_user_and_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hidden\n")
    assert shown(RegistryLogin(user="team", password_file=str(tmp_path / "password"))) == {
        "username": "team",
        "password": "hidden",
        "serveraddress": "registry.test:5000",
    }


def test_user_without_a_password_is_refused() -> None:
    with pytest.raises(NotReadyError, match=r"^registry\.test:5000: team has no password .*--registry-password"):
        shown(RegistryLogin(user="team"))
