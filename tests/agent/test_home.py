"""The agent's home: rules, keys and sockets under fixed names."""

from pathlib import Path

import pytest

from ci.agent.home import DOCKER, REGISTRY_PASSWORD, RULES, SSH_KEY, Home, HomeError, Rules
from ci.settings import Settings
from ci.targets.access import DOCKER_SOCKET, Access
from ci.targets.stack import RegistryLogin

SETTINGS = """
[app]
name = "orders"
dockerfile = "Dockerfile"

[registry]
repository = "localhost:5000/orders"

[environments.dev]
kind = "dev"
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with rules and nothing else."""
    rules = Rules(settings=Settings.parse(SETTINGS), registry_user="team")
    (tmp_path / RULES).write_text(rules.model_dump_json())
    return Home(tmp_path)


def test_home_gives_its_rules(home: Home) -> None:
    rules = home.rules()
    assert (rules.settings.app.name, rules.registry_user) == ("orders", "team")
    assert rules.settings == Settings.parse(SETTINGS)


def test_missing_rules_are_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"/rules.json: cannot read the agent's rules: No such file or directory"):
        Home(tmp_path).rules()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON"),
        ("{}", "settings: Field required"),
        ('{"settings": {}}', "settings.app: Field required"),
        ('{"rules": 1}', "settings: Field required"),
    ],
)
def test_broken_rules_are_named_with_their_field(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / RULES).write_text(text)
    with pytest.raises(HomeError) as failure:
        Home(tmp_path).rules()
    assert str(failure.value).startswith(f"{tmp_path}/{RULES}: ")
    assert problem in str(failure.value)


def test_rules_with_unknown_fields_are_refused(home: Home) -> None:
    path = home.path(RULES)
    path.write_text(path.read_text().replace('"registry_user"', '"registry_users"'))
    with pytest.raises(HomeError, match="registry_users: Extra inputs are not permitted"):
        home.rules()


def test_files_that_do_not_exist_are_empty(home: Home) -> None:
    assert home.file(SSH_KEY) == ""
    home.path(SSH_KEY).touch()
    assert home.file(SSH_KEY) == str(home.folder / SSH_KEY)


def test_access_takes_the_homes_socket_and_key_where_they_exist(home: Home) -> None:
    assert home.access() == Access(socket=DOCKER_SOCKET, key_file="")
    for name in (DOCKER, SSH_KEY):
        home.path(name).touch()
    assert home.access() == Access(socket=str(home.folder / DOCKER), key_file=str(home.folder / SSH_KEY))


def test_login_takes_the_password_from_the_home(home: Home) -> None:
    assert home.login("team") == RegistryLogin(user="team", password_file="")
    home.path(REGISTRY_PASSWORD).write_text("hidden")
    login = home.login("team")
    assert login.password_file == str(home.folder / REGISTRY_PASSWORD)
    assert "hidden" not in repr(login)
