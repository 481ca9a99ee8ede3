"""Answers of a registry, read only as far as an answer may be long: anybody who may push can push something huge."""

from collections.abc import AsyncIterator

import httpx

from ci.ledger.errors import RegistryError

# The longest answer: the largest record has half of it, and a page of tags much less.
LONGEST = 16 << 20


async def limit_length(answer: httpx.Response) -> None:
    """Let an answer end with an error where it gets too long; httpx calls this before it reads the body."""
    if isinstance(answer.stream, httpx.AsyncByteStream):
        answer.stream = LimitedStream(answer.stream, str(answer.url))


class LimitedStream(httpx.AsyncByteStream):
    """The body of an answer."""

    def __init__(self, stream: httpx.AsyncByteStream, url: str) -> None:
        """Read from another stream."""
        self._stream, self._url = stream, url

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body.

        Raises:
            RegistryError: It is too long.
        """
        length = 0
        async for chunk in self._stream:
            length += len(chunk)
            if length > LONGEST:
                raise RegistryError(f"{self._url}: the answer has more than {LONGEST >> 20} MiB: this is no record")
            yield chunk

    async def aclose(self) -> None:
        """Close the other stream."""
        await self._stream.aclose()
