"""What is asked, what is answered, and what every rule looks at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ci.frozen import FrozenModel
from ci.ledger.history import Entry, History
from ci.ledger.records import ANONYMOUS, Action, Build, Record, Utc
from ci.settings import Environment, Settings, with_role


class Wanted(FrozenModel):
    """What somebody wants to do to an environment."""

    environment: str
    # Empty: the previous good release of a rollback, the last good one of a restore.
    version: str = ""
    # The name of a person under `[people]`.
    actor: str = ANONYMOUS
    # Whether the actor holds a key that is valid, and will sign what is recorded.
    signed: bool = False
    now: Utc
    action: Action = "deploy"
    # Why a freeze shall not hold it.
    override: str = ""
    # Whether migrations that make it unsafe shall not hold it.
    force: bool = False


class Given(FrozenModel):
    """An approval that counts."""

    person: str
    # The id of its record.
    record: str
    source: Literal["key", "github"]
    expires: Utc


class Admission(FrozenModel):
    """What would be deployed, and every reason why it must not be; without one it is admitted."""

    environment: str
    action: Action
    version: str
    # `repository@sha256:…`; empty, as the digest is, where there is no such release.
    image: str = ""
    digest: str = ""
    # What serves now; empty: nothing.
    from_version: str = ""
    from_digest: str = ""
    features: tuple[str, ...] | Literal["all"] = ()
    approvals: tuple[Given, ...] = ()
    # Whether the last word about it there is that it did well.
    proven: bool = False
    # Why a freeze does not hold it; empty: there is none.
    override: str = ""
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def admitted(self) -> bool:
        """Tell whether nothing speaks against it."""
        return not self.refusals


@dataclass(frozen=True)
class Release:
    """The one digest of a version."""

    version: str
    image: str
    # Its record; none where only the deploys of it are left.
    build: Build | None

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:…`."""
        return self.image.partition("@")[2]


@dataclass(frozen=True)
class Finding:
    """A sentence about a case."""

    sentence: str
    # Whether it speaks against it; otherwise it is only told.
    refuses: bool = True


Findings = Iterator[Finding]
# The functions that somebody signs, always or where only signed records count.
WORDS = ("approve", "deny", "lift")
CHANGES = ("deploy", "rollback", "restore")


@dataclass(frozen=True)
class Case:
    """The settings, what happened so far, and what is wanted."""

    settings: Settings
    history: History
    wanted: Wanted

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.wanted.environment

    @property
    def environment(self) -> Environment:
        """The environment's settings."""
        return self.settings.environment(self.name)

    @property
    def before(self) -> str:
        """The environment that a release must have passed; empty: none."""
        names = list(self.settings.environments)
        index = names.index(self.name)
        return names[index - 1] if index and self.environment.kind != "dev" else ""

    def trusts(self, entry: Entry[Record], where: str) -> bool:
        """Tell whether a good word about an environment counts here: signed by somebody who may deploy there."""
        if not self.environment.signed:
            return True
        return may_deploy(self.settings, where, entry.signer)

    def command(self, function: str, *, env: str = "", version: str = "", extra: str = "") -> str:
        """Write the command that somebody could type."""
        where = self.settings.environment(env or self.name)
        strict = function in CHANGES and (where.signed or self.environment.signed)
        signs = function in WORDS or strict
        words = ["ci call", function, f"--env {env or self.name}", f"--version {version}" if version else ""]
        return f"`{' '.join(filter(None, [*words, extra, '--key …' if signs else '']))}`"


def may_deploy(settings: Settings, environment: str, person: str) -> bool:
    """Tell whether a known person may deploy to an environment."""
    deployers = settings.environment(environment).deployers
    return person in (with_role(settings.people, deployers) if deployers else settings.people)


def either(words: Sequence[str]) -> str:
    """Join words as one of them is meant."""
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def with_roles(roles: Sequence[str]) -> str:
    """Write `the role lead or stakeholder`."""
    return f"the role {either(roles)}"


def helpers(settings: Settings, roles: Sequence[str]) -> str:
    """Say who holds a role, or how somebody gets it."""
    people = with_role(settings.people, roles)
    if people:
        return f"{either(people)} could help"
    return f'nobody has it yet: give it to somebody under [people] in pipeline.toml, like roles = ["{roles[0]}"]'
