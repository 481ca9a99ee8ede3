"""Conflicts between settings that are each valid alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ci.settings.app import App, Registry
from ci.settings.environment import Environment
from ci.settings.people import Person, people_with_role
from ci.settings.problems import suggest_nearest

M = TypeVar("M", bound=BaseModel)
Problem = tuple[str, str]
# Swarm takes 63 characters for a service's name and 64 for a secret's. `_web-` with two digests follows the stack's
# name in a release's; an underscore, a dot and the number of the value are beside the secret's own.
LONGEST_STACK, LONGEST_OBJECT, VERSION_LENGTH = 63 - 24, 64, 6
# The secret that Slipway makes for a stack's own database.
OWN_SECRET = "database-password"  # noqa: S105 - a name


@dataclass(frozen=True)
class ParsedSettings:
    """The settings as far as they are valid."""

    # The file and the overrides, without defaults.
    data: Mapping[str, Any]
    app: App | None
    registry: Registry | None
    people: Mapping[str, Person]
    environments: Mapping[str, Environment]

    @classmethod
    def parse_valid_parts(cls, data: Mapping[str, Any]) -> "ParsedSettings":
        """Parse the valid parts, so that their conflicts are reported with the other problems."""
        apps = _parse_valid(App, {"app": data.get("app")})
        people, environments = _table(data, "people"), _table(data, "environments")
        registry = _parse_valid(Registry, {"registry": data.get("registry")}).get("registry")
        return cls(
            data, apps.get("app"), registry, _parse_valid(Person, people), _parse_valid(Environment, environments)
        )

    def sets(self, *path: str) -> bool:
        """Return whether the file or an override sets a path, rather than a default."""
        return _at(self.data, path) is not None

    @property
    def has_all_people(self) -> bool:
        """Whether every person is valid."""
        return len(self.people) == len(_table(self.data, "people"))


def find_conflicts(known: ParsedSettings) -> Iterator[Problem]:
    """Yield the path and the sentence of every conflict."""
    if known.data.get("environments") == {}:
        yield "environments", "must hold at least one environment, like [environments.dev]"
    if known.app and not (known.app.module or known.app.dockerfile):
        yield "app", "must have a module (like orders) or a dockerfile"
    yield from _names(known)
    yield from _ports(known)
    yield from _duplicate_aliases(known, "emails", {name: person.emails for name, person in known.people.items()})
    logins = {name: tuple(filter(None, [person.github])) for name, person in known.people.items()}
    yield from _duplicate_aliases(known, "github", logins)
    for name, environment in known.environments.items():
        yield from _roles(known, name, environment)
        yield from _approvals(known, name, environment)
        yield from _crons(name, environment)
        yield from _secrets(name, environment)


def _names(known: ParsedSettings) -> Iterator[Problem]:
    if known.app is None:
        return
    for name, environment in known.environments.items():
        stack = f"{known.app.name}-{name}"
        if len(stack) > LONGEST_STACK:
            what = f"must be shorter: with the service's name it is {stack}, and Swarm's names leave room for"
            yield f"environments.{name}", f"{what} {LONGEST_STACK} characters (has {len(stack)})"
        for secret in environment.secrets:
            if (most := LONGEST_OBJECT - len(stack) - VERSION_LENGTH) < len(secret):
                what = f"must be a shorter name: Swarm's names leave room for {most} characters"
                yield f"environments.{name}.secrets", f"{what} in the stack {stack} (is {secret})"


def _ports(known: ParsedSettings) -> Iterator[Problem]:
    taken: dict[tuple[str, int], str] = {}
    registry = known.registry
    for name, environment in known.environments.items():
        port, where = environment.edge.port, f"environments.{name}.edge.port"
        if registry and registry.is_loopback and environment.target.address == "unix" and port == registry.port:
            yield where, f"must differ from the port of the registry, which is on the same machine (is {port})"
        first = taken.setdefault((environment.target.address, environment.edge.port), name)
        if first != name:
            what = f"must differ from that of {first}, which is on the same target (is {environment.edge.port})"
            yield where, what


def _duplicate_aliases(known: ParsedSettings, field: str, aliases: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name in known.people:
        for alias in aliases[name]:
            owner = owners.setdefault(alias.casefold(), name)
            if owner != name:
                yield f"people.{name}.{field}", f"must belong to one person: {owner} has it too (is {alias})"


def _roles(known: ParsedSettings, name: str, environment: Environment) -> Iterator[Problem]:
    held = dict.fromkeys(role for person in known.people.values() for role in person.roles)
    approvals = environment.approvals
    for path, roles in {
        ("deployers",): environment.deployers,
        ("overriders",): environment.overriders,
        ("approvals", "roles"): approvals.roles,
        ("approvals", "including"): approvals.including,
    }.items():
        if not known.sets("environments", name, *path) or not known.has_all_people:
            continue
        for role in roles:
            if role not in held:
                allowed = f"people have {', '.join(held)}" if held else f'add it to a person: roles = ["{role}"]'
                where = ".".join(("environments", name, *path))
                yield where, f"no person under [people] has the role {role}{suggest_nearest(role, held)}; {allowed}"


def _approvals(known: ParsedSettings, name: str, environment: Environment) -> Iterator[Problem]:
    approvals = environment.approvals
    # A file without people works in dev. Elsewhere the policy reports that approvals cannot be given.
    if not known.people or not known.has_all_people or not approvals.count:
        return
    able = people_with_role(known.people, approvals.roles)
    if approvals.count > len(able):
        who = ", ".join(able) or "none"
        what = f"must be at most {len(able)}, the number of people with the role {_either(approvals.roles)}: {who}"
        yield f"environments.{name}.approvals.count", f"{what} (is {approvals.count})"
    for role in approvals.including:
        defaulted = not known.sets("environments", name, "approvals", "including")
        if defaulted and not people_with_role(known.people, [role]):
            what = (
                f"no person under [people] has the role {role}, which environments of the kind {environment.kind} need"
            )
            yield f"environments.{name}.approvals.including", f"{what}: add it to a person, or set this"


def _crons(name: str, environment: Environment) -> Iterator[Problem]:
    for index, freeze in enumerate(environment.freezes):
        if freeze.cron and not _is_cron(freeze.cron):
            what = "must be five fields of cron that match some time, like 0 16 * * FRI"
            yield f"environments.{name}.freezes.{index}.cron", f"{what} (is {freeze.cron})"


def _is_cron(text: str) -> bool:
    # Few settings have a cron, and the import takes time in each process.
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only where a freeze has a cron

    try:
        return len(text.split()) == 5 and bool(next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)), None))  # noqa: PLR2004
    except CronSimError:
        return False


def _secrets(name: str, environment: Environment) -> Iterator[Problem]:
    if OWN_SECRET in environment.secrets:
        yield f"environments.{name}.secrets", f"must not name {OWN_SECRET}: it is the stack's own"
    for secret, times in Counter(environment.secrets).items():
        if times > 1:
            yield f"environments.{name}.secrets", f"must name each secret once (has {secret} {times} times)"


def _either(roles: Sequence[str]) -> str:
    return " or ".join(roles)


def _parse_valid(model: type[M], tables: Mapping[str, Any]) -> dict[str, M]:
    found = {}
    for name, table in tables.items():
        try:
            found[name] = model.model_validate(table)
        except ValidationError:
            continue
    return found


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _at(data: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - a TOML value of any kind
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data
