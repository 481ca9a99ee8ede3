"""Masking: many texts replaced in one pass over what a program printed."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported when there is a secret
    from ahocorasick_rs import BytesAhoCorasick

Data = bytes | bytearray

MASK = "***"
ANCHOR = 16  # bytes; texts are searched by their beginnings, so that a long secret costs no more than a short one
FAST = 1 << 14  # bytes of all anchors; up to here the faster search takes a few megabytes


class Mask:
    """Replaces texts by a mask; where texts overlap, one mask covers them."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        """Prepare the search for some texts; none of them is empty."""
        groups: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for text in sorted(set(texts), key=len, reverse=True):
            groups[text[:ANCHOR]].append(text)
        self._texts = list(groups.values())  # the longest first
        self._search = _search(list(groups)) if groups else None

    def apply(self, data: Data) -> Data:
        """Return the data with every text in it masked."""
        if not (spans := self.spans(data)):
            return data
        parts, end = [], 0
        for start, stop in spans:
            parts += [data[end:start], MASK.encode()]
            end = stop
        return b"".join([*parts, data[end:]])

    def spans(self, data: Data) -> list[tuple[int, int]]:
        """Return where texts start and end in the data, in order; those that overlap are one."""
        if self._search is None or not (anchors := self._search.find_matches_as_indexes(data, overlapping=True)):
            return []
        spans: list[tuple[int, int]] = []
        for start, end in sorted(span for span in (self._span(data, *anchor) for anchor in anchors) if span):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def _span(self, data: Data, group: int, start: int, _: int) -> tuple[int, int] | None:
        """Return where the longest text that begins at an anchor starts and ends."""
        found = next((text for text in self._texts[group] if data.startswith(text, start)), None)
        return None if found is None else (start, start + len(found))


class TextMask:
    """Masks texts in what people read, also those of several lines that come line by line."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Prepare the search for some texts; none of them is empty."""
        known = set(texts)
        self._mask = Mask(map(_encode, known))
        # The texts of several lines, by each line but the last: how much of them ends with that line.
        self._first: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self._later: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for text in known:
            lines, end = text.split("\n"), 0
            for number, line in enumerate(lines[:-1]):
                end += len(line) + 1
                if end < len(text):
                    (self._later if number else self._first)[f"{line}\n"].append((text, end))

    def apply(self, text: str) -> str:
        """Return the text with every known text in it masked."""
        data = _encode(text)
        masked = self._mask.apply(data)
        return text if masked is data else masked.decode(errors="surrogatepass")

    def unfinished(self, lines: str) -> int:
        """Return where the line begins in which a text starts that may go on after the lines; their length: nowhere."""
        last = lines[lines.rfind("\n", 0, -1) + 1 :]
        begun = [*self._later.get(last, ())]
        begun += [one for first, found in self._first.items() if last.endswith(first) for one in found]
        size = max((end for text, end in begun if lines.endswith(text[:end])), default=0)
        if not size:
            return len(lines)
        # No text may be cut in two: one that ends where the other begins stays with it.
        data = _encode(lines)
        start = data.rfind(b"\n", 0, len(data) - len(_encode(lines[-size:]))) + 1
        for first, end in reversed(self._mask.spans(data)):
            if first < start < end:
                start = data.rfind(b"\n", 0, first) + 1
        return len(data[:start].decode(errors="surrogatepass"))


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _search(anchors: list[bytes]) -> "BytesAhoCorasick":
    from ahocorasick_rs import BytesAhoCorasick, Implementation  # noqa: PLC0415 - where there is a secret

    fast = sum(map(len, anchors)) <= FAST
    return BytesAhoCorasick(anchors, implementation=Implementation.DFA if fast else Implementation.ContiguousNFA)
