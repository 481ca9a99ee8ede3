"""What all parts of the API's Container build on."""

import re
from dataclasses import dataclass

from slipway_engine.api.base import Object
from slipway_engine.errors import EngineError
from slipway_engine.model.container import ContainerSpec
from slipway_engine.model.step import absolute


@dataclass(frozen=True)
class State(Object, ContainerSpec):
    """A container's description, as a value of the API."""

    def expand_variables(self, text: str, expand: bool) -> str:
        """Return a text with `$NAME` and `${NAME}` replaced by the container's variables, if `expand` is set."""
        if not expand:
            return text
        if any(re.search(rf"\$(?:{{{v.name}}}|{v.name}\b)", text) for v in self.secrets):
            raise EngineError(
                f"{text!r}: a secret variable cannot be expanded: it would end in the container's description"
            )
        variables = dict(self.environment)
        return re.sub(r"\$(?:{(\w+)}|(\w+))", lambda m: variables.get(m[1] or m[2], ""), text)

    def absolute_path(self, path: str, expand: bool = False) -> str:
        """Return a path as the container sees it, a trailing slash kept."""
        path = self.expand_variables(path, expand)
        slash = "/" if path.endswith("/") and path.strip("/") else ""
        return absolute(self.working_directory, path) + slash
