"""The agent's home: a folder with its rules, keys and sockets under fixed names.

In a step of the pipeline the stages fill the folder: the rules are the checkout's settings. Behind an ssh forced
command the folder belongs to the host: the rules are the host's own. A request can name nothing in the folder.
"""

import json
from pathlib import Path

from pydantic import ValidationError

from ci.frozen import FrozenModel
from ci.settings import Settings
from ci.targets.access import DOCKER_SOCKET, Access
from ci.targets.stack import RegistryLogin

# Where the stages mount the folder's files, in the image of the agent.
HOME = "/run/slipway"
RULES = "rules.json"
DOCKER = "docker.sock"
SSH_KEY = "ssh_key"
REGISTRY_PASSWORD = "registry_password"  # noqa: S105 - a file's name
SIGNING_KEY = "signing_key"
PUBLIC_KEY = "signing_key.pub"
SSH_AGENT = "ssh_agent.sock"
GITHUB_TOKEN = "github_token"  # noqa: S105 - a file's name
LEDGER_CACHE = "ledger"
SOURCES = "sources"
REPOSITORY = "repository"
SECRET = "secret"  # noqa: S105 - a file's name
ARCHIVES = "archives"


class HomeError(Exception):
    """The agent's home does not hold what a request needs."""


class Rules(FrozenModel):
    """The rules, and how this process reaches the registry."""

    settings: Settings
    # As in ssh-keygen(1), with the names of `[people]` as principals.
    allowed_signers: str = ""
    # Public keys a line each, or a revocation list (ssh-keygen -k) in base64.
    revoked_keys: str = ""
    # Certificates (PEM) that the registry's own is checked with, beside the system's.
    registry_ca: str = ""
    # The registry's URL from here; empty: its host by https, or by http where it is loopback.
    registry_url: str = ""
    registry_user: str = ""


class Home:
    """The agent's home folder."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; nothing is read yet."""
        self.folder = folder

    def rules(self) -> Rules:
        """Read the rules.

        Raises:
            HomeError: They are missing, or are no rules.
        """
        path = self.folder / RULES
        try:
            return Rules.model_validate_json(path.read_text())
        except OSError as error:
            raise HomeError(f"{path}: cannot read the agent's rules: {error.strerror}") from error
        except ValidationError as error:
            detail = json.loads(error.json())[0]
            where = ".".join(map(str, detail["loc"]))
            raise HomeError(f"{path}: {where}: {detail['msg']}") from error

    def path(self, name: str) -> Path:
        """Return the path of a file of the home, which may not exist."""
        return self.folder / name

    def file(self, name: str) -> str:
        """Return the path of a file of the home; empty: it does not exist."""
        path = self.folder / name
        return str(path) if path.exists() else ""

    def access(self) -> Access:
        """Return what opens the way to targets."""
        return Access(socket=self.file(DOCKER) or DOCKER_SOCKET, key_file=self.file(SSH_KEY))

    def login(self, user: str) -> RegistryLogin:
        """Return the login of the registry's user."""
        return RegistryLogin(user=user, password_file=self.file(REGISTRY_PASSWORD))
