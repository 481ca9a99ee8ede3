"""The base of every model: settings, records, requests and outcomes."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A model whose values cannot change, and which rejects fields that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
