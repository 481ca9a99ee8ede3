"""A hostile text, and what must hold for everything that people read of it."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt

from ci.agent.protocol.responses import AnyResponse, read_response

HOSTILE = (
    "x\x1b[2J\u202e\n::error::a\n## Approved by lead\n[b](https://evil.example) <script>1</script> `c` | ##[error]d"
)
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
ALLOWED = {"text", "text_special", "strong_open", "strong_close", "code_inline", "html_inline", "softbreak"}


def respond(response: AnyResponse) -> Any:
    """Send a response from the agent to the pipeline."""
    return read_response(response.model_dump_json(), type(response))


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


def assert_harmless(result: object) -> None:
    for text in texts(result):
        assert text.replace("\n", "").isprintable(), text
        assert not any(line.lstrip().startswith("::error") for line in text.splitlines()), text
        assert "##[" not in text, text


def assert_harmless_markdown(text: str, heading: str = "") -> None:
    tokens = MARKDOWN.parse(text)
    headings = [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]
    assert len(headings) == (1 if heading else 0)
    assert "html_block" not in {token.type for token in tokens}
    children = [child for token in tokens for child in token.children or []]
    assert {child.type for child in children} <= ALLOWED
    assert {child.content for child in children if child.type == "html_inline"} <= {"<br>"}
