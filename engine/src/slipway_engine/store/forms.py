"""The forms in which a secret's value may be printed: as it is, in pieces, and encoded."""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote

from slipway_engine.plaintext import plain

SHORTEST_LINE = 4  # characters; shorter lines of a secret are too common to be masked one by one
SHORTEST_ENCODED = 6  # characters; what encodes a shorter secret is too common as well
SHORTEST_WRAPPED = 12  # characters of a line of an encoded secret
# Where tools break lines: `base64` and MIME, `openssl` and PEM; `xxd -p`.
BASE64_WIDTHS, HEX_WIDTH = (76, 64), 60
BASH_ESCAPED = re.compile(r"""[\s!"$&'()*,;<>?\[\\\]^`{|}]""")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
C_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def forms(value: bytes) -> set[str]:
    """Return the texts by which output may show a value; a short value has only its plain ones."""
    value = value.strip()
    text = value.decode(errors="replace")
    found = {text, plain(text), " ".join(text.split())}
    if len(lines := text.splitlines()) > 1:
        found |= {short for line in lines if len(short := plain(line).strip()) >= SHORTEST_LINE}
    if len(text) >= SHORTEST_ENCODED:
        found |= {form for form in _encoded(value) if len(form) >= SHORTEST_ENCODED}
    return {form for form in found if form.strip()}


def _encoded(raw: bytes) -> Iterator[str]:
    text = raw.decode(errors="replace")
    yield from _base64(raw)
    yield from _hex(raw)
    yield from _percent(raw)
    yield from _json(text)
    yield from _shell(text)
    yield html.escape(text)
    yield html.escape(text, quote=False)


def _base64(raw: bytes) -> Iterator[str]:
    """Encode a value at each of the three places where it can stand among other bytes, in both alphabets.

    The characters that also hold bits of the bytes beside it are left out: at most one on each side.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before, shared in ((0, 0), (1, 2), (2, 3)):
            whole = (before + len(raw)) * 8 // 6
            yield encode(b"\0" * before + raw).decode()[shared:whole]
            # Often the value is the last part (`user:password`), with or without a line end.
            for end in (b"", b"\n"):
                ended = encode(b"\0" * before + raw + end).decode()[shared:]
                yield ended
                yield ended.rstrip("=")
        for end in (b"", b"\n"):
            for width in BASE64_WIDTHS:
                yield from _wrapped(encode(raw + end).decode(), width)


def _hex(raw: bytes) -> Iterator[str]:
    for encoded in (raw.hex(), raw.hex().upper()):
        yield encoded
        yield from _wrapped(encoded, HEX_WIDTH)


def _wrapped(encoded: str, width: int) -> Iterator[str]:
    if len(encoded) > width:
        lines = (encoded[start : start + width] for start in range(0, len(encoded), width))
        yield from (line for line in lines if len(line) >= SHORTEST_WRAPPED)


def _percent(raw: bytes) -> Iterator[str]:
    # What is left as it is differs: a component in Python, a path, and a component in JavaScript.
    for safe in ("", "/", "!'()*"):
        encoded = quote(raw, safe=safe)
        for form in (encoded, encoded.replace("%20", "+")):
            yield form
            yield re.sub("%..", lambda found: found[0].lower(), form)


def _json(text: str) -> Iterator[str]:
    for in_ascii in (True, False):
        encoded = json.dumps(text, ensure_ascii=in_ascii)[1:-1]
        yield encoded
        yield encoded.replace("/", "\\/")
        # As Go's encoder does for HTML.
        yield re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", encoded)
        # JSON in JSON, as logs of requests hold it.
        yield json.dumps(encoded, ensure_ascii=in_ascii)[1:-1]
    yield repr(text)[1:-1]


def _shell(text: str) -> Iterator[str]:
    yield shlex.quote(text).removeprefix("'").removesuffix("'")
    yield text.replace("'", "'\\''")
    # Between double quotes; as bash's `printf %q` writes it; as `$'…'`.
    yield re.sub(r'["\\$`]', r"\\\g<0>", text)
    yield BASH_ESCAPED.sub(r"\\\g<0>", text)
    yield CONTROL.sub(
        lambda found: C_ESCAPES.get(found[0]) or f"\\{ord(found[0]):03o}",
        text.replace("\\", "\\\\").replace("'", "\\'"),
    )
