"""Terminal output as plain text, fit for files and logs."""

import re

# The control characters but tab and line end.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
OVERSTRUCK = re.compile(r"(.)\x08(?=\1)|_\x08(?=.)")  # bold and underlined text, as `man` prints it


def plain(text: str) -> str:
    """Return a text without colours and other escape codes; a progress bar is reduced to its last state."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\x9b", "\x1b[")
    if "\x1b" in text or "\r" in text:
        text = "\n".join(_line(line) for line in text.split("\n"))
    if "\b" in text:
        text = OVERSTRUCK.sub("", text)
    return CONTROL.sub("", text)


def _line(line: str) -> str:
    from rich.ansi import AnsiDecoder  # noqa: PLC0415 - the rare case

    # Each state of a progress bar ends with the return that lets the next one overwrite it; a terminal's title may end
    # with a bell, which the decoder does not know.
    return AnsiDecoder().decode_line(line.rstrip("\r").replace("\x07", "\x1b\\")).plain
