"""The page itself: its parts, which lie beside this file, and the data put together into one text."""

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def page(data: dict[str, Any]) -> str:
    """Return the page; it runs nothing but its own script, and loads nothing."""
    style, script = (_read(name).strip() for name in ("page.css", "page.js"))
    parts = {"style": style, "script": script, "policy": _policy(style, script), "data": _json(data)}
    text = _read("page.html")
    # The data comes last, so that nothing in it is taken for a place of another part.
    for name, part in parts.items():
        text = text.replace(f"{{{{ {name} }}}}", part, 1)
    return text


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(data: dict[str, Any]) -> str:
    """Return JSON that no HTML can begin or end in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
