"""One GraphQL query for a chain of the API's own functions."""

from typing import Any

from slipway_engine.api.context import Context
from slipway_engine.api.typedef import TypeDef
from slipway_engine.errors import EngineError


class Query:
    """A chain of fields on an object that is known by its ID."""

    def __init__(self, type_name: str) -> None:
        """Start at an object of this type."""
        self._declared: list[str] = ["$id: ID!"]
        self._variables: dict[str, Any] = {}
        self._fields: list[str] = []
        self._type = type_name

    def select(self, owner: str, name: str, arguments: dict[str, Any], alias: str = "") -> None:
        """Add a field."""
        from slipway_engine.api.schema import schema  # noqa: PLC0415 - takes long to import, and few commands need it

        declared: dict[str, Any] = getattr(schema().type_map[owner], "fields", {})[name].args
        parts = []
        for argument, given in arguments.items():
            variable = f"v{len(self._variables)}"
            self._declared.append(f"${variable}: {declared[argument].type}")
            self._variables[variable] = given
            parts.append(f"{argument}: ${variable}")
        self._fields.append((f"{alias}: " if alias else "") + name + (f"({', '.join(parts)})" if parts else ""))

    def leaf(self, type_def: TypeDef, export_to: str) -> None:
        """End at an object: evaluate it, or export it where it can be."""
        from slipway_engine.api.schema import schema  # noqa: PLC0415 - as above

        if type_def.kind == "LIST_KIND" and type_def.element is not None:
            self._fields.append("id")
            return
        fields: dict[str, Any] = getattr(schema().type_map[type_def.name], "fields", {})
        if export_to and "export" in fields:
            arguments: dict[str, Any] = {"path": export_to}
            if "allowParentDirPath" in fields["export"].args:
                arguments["allowParentDirPath"] = True
            self.select(type_def.name, "export", arguments)
        else:
            self._fields.append("id: sync" if "sync" in fields else "id")

    async def run(self, ctx: Context, node: str | None) -> Any:
        """Return what the last field gives for an object; the API's error is raised as its own."""
        from slipway_engine.api.queries import run_query  # noqa: PLC0415 - as above

        if node is None:
            return None
        body = ""
        for field in reversed(self._fields):
            body = f"{{ {field} {body} }}" if body else f"{{ {field} }}"
        document = f"query({', '.join(self._declared)}) {{ node(id: $id) {{ ... on {self._type} {body} }} }}"
        answer = await run_query(ctx, document, self._variables | {"id": node})
        if errors := answer.get("errors"):
            raise ApiError(errors[0])
        return _unwrap(answer["data"]["node"])


class ApiError(EngineError):
    """The API answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        """Keep its details."""
        super().__init__(error["message"])
        self.extensions = error.get("extensions")


def _unwrap(data: Any) -> Any:
    if isinstance(data, list):
        return [_unwrap(item) for item in data]
    if isinstance(data, dict):
        return _unwrap(next(iter(data.values())))
    return data
