"""Descriptions of the API's own functions, from the official client's docstrings."""

import functools
import inspect

from slipway_engine.api.schema import python_name


@functools.cache
def describe(type_name: str, field: str) -> str:
    """Return the description of a field, or nothing where the client has none."""
    import dagger  # noqa: PLC0415 - takes a second to import, for help texts only

    member = getattr(getattr(dagger, type_name, None), python_name(field), None)
    return inspect.getdoc(member) or "" if member is not None else ""
