"""Terminal output as plain text, fit for files and logs."""

import unicodedata


def plain(text: str) -> str:
    """Return a text without colours and other escape codes; a progress bar is reduced to its last state."""
    if text.isprintable():
        return text
    text = text.replace("\x9b", "\x1b[")
    if "\x1b" in text or "\r" in text:
        text = "\n".join(_line(line) for line in text.split("\n"))
    return "".join(char for char in text if char in "\t\n" or unicodedata.category(char) != "Cc")


def _line(line: str) -> str:
    from rich.ansi import AnsiDecoder  # noqa: PLC0415 - the rare case

    # Each state of a progress bar ends with the return that lets the next one overwrite it; a terminal's title may end
    # with a bell, which the decoder does not know.
    return AnsiDecoder().decode_line(line.rstrip("\r").replace("\x07", "\x1b\\")).plain
