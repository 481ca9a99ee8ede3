"""`[people]` and `[signing]`: people with their logins and roles, and the files with their keys."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from ci.frozen import FrozenModel
from ci.settings.values import Folder, Name

# The actor of records that have no signature.
ANONYMOUS = "anonymous"


def _checked_person(name: str) -> str:
    # The name is a principal of `allowed_signers`, where commas separate and * ? ! are patterns.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", name):
        raise ValueError("must be at most 64 letters, digits, dots, hyphens, @ and _, and start with a letter or digit")
    if name == ANONYMOUS:
        raise ValueError("must be another name: unsigned records have this one")
    return name


def _checked_email(email: str) -> str:
    if not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", email) or not email.isprintable():
        raise ValueError("must be an e-mail address, like lead@example.org")
    return email


def _checked_login(login: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9_-]{0,38}(\[bot\])?)?", login):
        raise ValueError("must be a GitHub login, without an @ before it")
    return login


PersonName = Annotated[str, AfterValidator(_checked_person)]
Email = Annotated[str, AfterValidator(_checked_email)]
Login = Annotated[str, AfterValidator(_checked_login)]
Role = Name


class Person(FrozenModel):
    """`[people.NAME]`: a person; NAME is the principal of their keys in `allowed_signers`."""

    emails: tuple[Email, ...] = ()
    """The e-mail addresses in the person's commits."""
    github: Login = ""
    """The person's GitHub login; empty: none."""
    roles: tuple[Role, ...] = ()
    """The person's roles."""


class Signing(FrozenModel):
    """`[signing]`: the files with the keys that sign."""

    allowed_signers: Annotated[Folder, Field(min_length=1)] = "allowed_signers"
    """A file of the repository in ssh-keygen's format: everybody's public keys."""
    revoked_keys: Folder = ""
    """A file of the repository with keys that count no more: public keys, or a revocation list; empty: none."""


def people_with_role(people: Mapping[str, Person], roles: Collection[str]) -> tuple[str, ...]:
    """Return the names of the people who have any of the roles, in the file's order."""
    return tuple(name for name, person in people.items() if set(roles) & set(person.roles))


def find_person(people: Mapping[str, Person], name: str) -> str:
    """Return the person with this name, e-mail address or GitHub login; empty: there is none."""
    wanted = name.casefold()
    for person, details in people.items():
        if name == person or wanted in {alias.casefold() for alias in (details.github, *details.emails) if alias}:
            return person
    return ""
