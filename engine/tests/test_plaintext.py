"""What a program printed for a terminal, as a log may hold it."""

import pytest

from slipway_engine.plaintext import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as it is: ünïcode 日本", "as it is: ünïcode 日本"),
        ("\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mmore\x1b[m", "red and more"),
        (" 10%\r 50%\r100%", "100%"),
        (" 10%\r100%\r", "100%"),
        ("\x1b[2K\x1b[1Gat the left", "at the left"),
        ("\x1b]0;a title\x07text \x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "text link"),
        ("\x9b31mred\x9b0m", "red"),
        ("a bell\x07, a backspace\x08, a tab\t.", "a bell, a backspace, a tab\t."),
        ("b\x08bo\x08ol\x08ld\x08d and _\x08l_\x08i_\x08n_\x08e", "bold and line"),
        ("\x1b[31mtwo\nlines\x1b[0m", "two\nlines"),
        ("not closed: \x1b[", "not closed: ["),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected
