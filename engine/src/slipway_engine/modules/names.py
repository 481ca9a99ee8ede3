"""The spellings of a name: in code, in the API, on the command line and in .env."""

import re

_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(name: str) -> list[str]:
    """Split a name where it changes from one word to the next."""
    return [word for word in re.split(r"[-_. ]", _BOUNDARY.sub("-", name)) if word]


def kebab(name: str) -> str:
    """Return the name for the command line: `sshKey` and `ssh_key` are `ssh-key`."""
    return re.sub(r"[_. ]", "-", _BOUNDARY.sub("-", name)).lower()


def snake(name: str) -> str:
    """Return the name in snake case."""
    return kebab(name).replace("-", "_")


def camel(name: str) -> str:
    """Return the name of a function, field or argument in the API: `ssh_key` is `sshKey`."""
    pascal_name = pascal(name)
    return pascal_name[:1].lower() + pascal_name[1:]


def pascal(name: str) -> str:
    """Return the name of a type in the API: `my-module` is `MyModule`."""
    spaced = re.sub(r"(?<=[0-9])(?=[a-z])", "_", name)
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_. ]", spaced))


def namespaced(type_name: str, module: str) -> str:
    """Return the API's name of a module's type: the main object is named as the module, others start with its name."""
    own, prefix = pascal(type_name), pascal(module)
    rest = own.removeprefix(prefix)
    if rest != own and (not rest or rest[0].isupper()):
        return own
    return prefix + own
