"""The base of every model: settings, records, requests and outcomes."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A model whose values cannot change, and which rejects fields that it does not know."""

    # Built at first use: a process uses few of all the models that it imports.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
