"""What the target shows to a registry."""

import base64
import json
from pathlib import Path

import pytest

from ci.targets import protocol as p
from ci.targets.errors import LackingError
from ci.targets.swarm.images import auth_header


def shown(login: p.RegistryLogin) -> dict[str, str]:
    return dict(json.loads(base64.urlsafe_b64decode(auth_header(login, "registry.test:5000/team/service"))))


def test_nobody_is_named_where_nobody_has_to_be() -> None:
    assert shown(p.RegistryLogin()) == {}


def test_a_login(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hidden\n")
    assert shown(p.RegistryLogin(user="team", password_file=str(tmp_path / "password"))) == {
        "username": "team",
        "password": "hidden",
        "serveraddress": "registry.test:5000",
    }


def test_a_user_without_a_password() -> None:
    with pytest.raises(LackingError, match=r"^registry\.test:5000: team has no password .*--registry-password"):
        shown(p.RegistryLogin(user="team"))
