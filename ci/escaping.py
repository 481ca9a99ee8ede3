"""Texts that one person types and another reads, made harmless: one function for each place where people read.

A text may come from a record, a label, a commit, a tool's output or GitHub. Nothing in it may move a terminal's
cursor, change the direction of writing, begin a line of its own, or be a heading, a link, HTML or a command of
GitHub's runner.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator

# Terminals' commands (ECMA-48): control sequences, and strings such as a window's title or a link.
SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[PX\]^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
# Commands of GitHub's runner, which reads them in every line of a log:
# https://docs.github.com/en/actions/reference/workflow-commands, and the older `##[error]`, anywhere in a line.
RUNNER_COMMAND = re.compile(r"^\s*:(?=:[A-Za-z])|##(?=\[)", re.MULTILINE)
# Joiners that Persian and Indian scripts and emoji need; they change no order.
JOINERS = "\u200c\u200d"
# What begins something in Markdown anywhere in a line; an underscore inside a word does not.
MARKDOWN = re.compile(r"[\\`*\[\]<>|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
# What begins a heading, a list, a quotation or a rule at the start of a line; also after the dash of a list.
LINE_START = re.compile(r"^(?:([#+=-])|(\d{1,9})([.)])(?=\s|$))")
# Mentions that a chat sends to everybody.
MENTION = re.compile(r"@(?=(?:all|channel|everyone|here)\b)")


def for_terminal(text: str) -> str:
    """Return a text of several lines for a terminal or a log, without control characters and runner commands."""
    if not text.isprintable():
        lines = SEQUENCE.sub("", text.replace("\r\n", "\n")).split("\n")
        text = "\n".join("".join(map(_printable, line)) for line in lines)
    return RUNNER_COMMAND.sub(_split_command, text)


def one_line(text: str) -> str:
    """Return a text on one line for a terminal or a log."""
    return for_terminal(text.replace("\n", " ").replace("\t", " "))


def for_markdown(text: str) -> str:
    """Return a text as a part of one line of Markdown, which shows every character of the text as it is."""
    line = MARKDOWN.sub(r"\\\g<0>", one_line(text).strip())
    return LINE_START.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}", line)


def code_span(text: str) -> str:
    """Return a text as code in one line of Markdown."""
    line = one_line(text)
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def for_chat(text: str) -> str:
    """Return a text for a chat's webhook: no link, no HTML, and nobody is mentioned."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MENTION.sub("@ ", line)


def clean_json(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    """Return a value of JSON with all its texts as `for_terminal` returns them."""
    match value:
        case str():
            return for_terminal(value)
        case list():
            return [clean_json(item) for item in value]
        case dict():
            return {key: clean_json(item) for key, item in value.items()}
    return value


# A text of a model that people read on one line.
Line = Annotated[str, AfterValidator(one_line)]


def _printable(character: str) -> str:
    return character if character.isprintable() or character in f"\t{JOINERS}" else " "


def _split_command(match: re.Match[str]) -> str:
    return f"{match[0]} "
