"""Hostile texts at every place where people read them: a terminal, GitHub's log, Markdown, a chat."""

import pytest
from markdown_it import MarkdownIt

from ci.escaping import code_span, for_chat, for_markdown, for_terminal, one_line

TABLE = "| a | b |\n|---|---|\n"
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
# One line for each kind of text that must not work.
HOSTILE = [
    "\x1b[2J\x1b[Hall is well",
    "\x1b]0;title\x07after",
    "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "\x9b31mred",
    "over\rwritten",
    "\u202egnp.exe",
    "\u2066isolated",
    "two\nlines",
    "two\u2028lines",
    "::error::all is lost",
    "fine\n  ::add-mask::a",
    "fine\n::stop-commands::x",
    "##[error]all is lost",
    "# Approved by lead",
    "## Approved by lead",
    "> quoted",
    "- item",
    "+ item",
    "1. item",
    "2) item",
    "===",
    "---",
    "[here](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example>",
    "**bold** _it_ ~~gone~~ `code`",
    "a | b",
    "\\<b>",
    "&lt;b&gt; &#x1f; &amp;",
    "``",
    "`",
    "$\\color{red}{x}$",
]


def is_harmless(text: str) -> bool:
    return text.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_for_a_terminal_holds_no_control_character_and_no_command_of_githubs_runner(text: str) -> None:
    shown = for_terminal(text)
    assert is_harmless(shown)
    assert not any(line.strip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown
    assert for_terminal(shown) == shown
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("before", "where", "blocks"),
    [("", "{}", ["paragraph_open"]), ("", "- {}", ["bullet_list_open"]), (TABLE, "| {} | b |", ["table_open"])],
)
@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_markdown_is_shown_as_it_is(text: str, before: str, where: str, blocks: list[str]) -> None:
    tokens = MARKDOWN.parse(before + where.format(for_markdown(text)))
    assert [token.type for token in tokens if token.level == 0 and token.nesting == 1] == blocks
    assert not {token.type for token in tokens} & {"heading_open", "blockquote_open", "ordered_list_open", "hr"}
    children = [token for token in tokens if token.type == "inline"][2 if before else 0].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children).strip() == one_line(text).strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_code_span_ends_only_at_its_end(text: str) -> None:
    (_, inline, _) = MARKDOWN.parse(f"a {code_span(text)}")
    assert [child.type for child in inline.children or []] == ["text", "code_inline"]


def test_text_for_a_chat_links_nothing_and_mentions_nobody() -> None:
    assert for_chat("<!channel> <https://evil.example|ok> @here @lead\nx") == (
        "&lt;!channel&gt; &lt;https://evil.example|ok&gt; @ here @lead x"
    )


@pytest.mark.parametrize("text", ["1.4.2", "rolled_back", "José Ñandú", "می‌خواهم", "http://localhost:8080 (ok)", "::1"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert for_terminal(text) == one_line(text) == for_markdown(text) == text
