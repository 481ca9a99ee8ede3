"""Statements that were signed elsewhere."""

import dagger

from ci.stages.errors import Refused


async def read_signed(statement: dagger.File | None, signature: dagger.File | None) -> dict[str, str]:
    """Read a statement and its signature, as fields of a request; empty: neither is given.

    Raises:
        Refused: Only one of both is given.
    """
    if statement is None and signature is None:
        return {}
    if statement is None or signature is None:
        raise Refused("--statement and --signature: give both, the text and its signature by ssh-keygen")
    return {"statement": await statement.contents(), "signature": await signature.contents()}
