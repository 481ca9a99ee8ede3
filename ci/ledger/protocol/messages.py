"""What every request and every outcome says."""

from typing import Annotated

from pydantic import Field

from ci.frozen import FrozenModel
from ci.settings import Settings


class Access(FrozenModel):
    """What opens the way to the registry: an address and paths, as the step that asks sees them."""

    # Like https://registry.example.com; empty: the host of `[registry] repository`, loopback ones without TLS.
    url: str = ""
    user: str = ""
    password_file: str = ""
    # Certificates (PEM) that the registry's own is checked with beside the system's; empty: none.
    ca: str = ""
    # A folder that outlives the step, for records that were read before; empty: none.
    cache: str = ""


class Keys(FrozenModel):
    """Whose signatures count, as the texts of the files."""

    # As in ssh-keygen(1), with the names of `[people]` as principals.
    allowed_signers: str = ""
    # Public keys a line each, or a revocation list (ssh-keygen -k) in base64.
    revoked: str = ""


class SigningKey(FrozenModel):
    """What to sign with, as paths in the step; all empty: nothing."""

    # A private key without a passphrase.
    key_file: str = ""
    # With an agent: which of its keys.
    public_key_file: str = ""
    agent_socket: str = ""


class GithubAccess(FrozenModel):
    """What opens the way to GitHub, which is asked about approvals that were given there."""

    # A file that holds a token; empty: GitHub is not asked.
    token_file: str = ""
    # The run of the workflow that asks; empty: it is none.
    run: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""


class Request(FrozenModel):
    """What every request says: of which app, how to get at its ledger, and who asks."""

    settings: Settings
    access: Access = Access()
    keys: Keys = Keys()
    signer: SigningKey = SigningKey()
    github: GithubAccess = GithubAccess()


class Outcome(FrozenModel):
    """What every outcome says: whether to go on, and what people are told."""

    ok: bool = True
    message: str
