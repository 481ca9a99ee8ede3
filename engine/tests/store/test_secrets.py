"""Secrets: where they come from, and that no text shows them."""

import base64
import html
import json
import random
import re
import shlex
import string
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway_engine.errors import UsageError
from slipway_engine.events import Events, Span
from slipway_engine.model.secret import Secret
from slipway_engine.store.database import Store
from slipway_engine.store.mask import TextMask
from slipway_engine.store.secrets import MASK, Secrets

AWKWARD = "p$ss wörd'\"\\&<~>/+%?!*"
KEY = "-----BEGIN KEY-----\nabcdefgh\nx\n\nijklmnop\nyz\n-----END KEY-----\n"


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(Store(tmp_path))


async def test_a_variable_a_file_and_a_command_are_sources(
    secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "from-env")
    (tmp_path / "token").write_text("from-file")
    assert await secrets.plaintext(Secret(uri="env:TOKEN")) == "from-env"
    assert await secrets.plaintext(Secret(uri="env://TOKEN")) == "from-env"
    assert await secrets.plaintext(Secret(uri=f"file:{tmp_path}/token")) == "from-file"
    assert await secrets.plaintext(Secret(uri="cmd:echo from-cmd")) == "from-cmd"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("file:/no/such/file", "No such file"),
        ("cmd:echo broken >&2; exit 3", "exited with 3: broken"),
        ("vault:x", "unknown scheme 'vault'"),
    ],
)
async def test_missing_source_of_a_secret_is_an_error(secrets: Secrets, uri: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        await secrets.plaintext(Secret(uri=uri))


def test_a_secret_is_masked_in_every_shape(secrets: Secrets) -> None:
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n"
    secrets.keep(Secret(name="key"), key)
    secrets.keep(Secret(name="password"), "s3cr3t/word?")
    encoded = base64.b64encode(b"s3cr3t/word?").decode()
    text = f"pw=s3cr3t/word? b64={encoded} line: ijklmnop all: {key}"
    scrubbed = secrets.shown(text)
    assert MASK in scrubbed
    for part in ("s3cr3t", encoded, "ijklmnop", "abcdefgh"):
        assert part not in scrubbed


def test_errors_are_masked_in_their_depth(secrets: Secrets) -> None:
    secrets.keep(Secret(name="password"), "hunter22")
    report = secrets.shown_json({"message": "no hunter22", "extensions": {"cmd": ["echo", "hunter22"], "exitCode": 1}})
    assert "hunter22" not in str(report)
    assert report["extensions"]["exitCode"] == 1


def test_fingerprint_depends_on_the_key_of_the_store(secrets: Secrets, tmp_path: Path) -> None:
    kept = secrets.keep(Secret(name="password"), "hunter22")
    same = Secrets(Store(tmp_path)).keep(Secret(name="password"), "hunter22")
    other = Secrets(Store(tmp_path / "other")).keep(Secret(name="password"), "hunter22")
    assert kept == same
    assert kept.plain != other.plain
    assert "hunter22" not in str(kept.encoded)


def run(command: str, value: str) -> str:
    """Return what bash prints of a value in $V."""
    environ = {"V": value, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, check=True)
    return (done.stdout + done.stderr).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 with a line end": lambda v: base64.b64encode(f"{v}\n".encode()).decode(),
    "base64 after one byte": lambda v: base64.b64encode(f":{v}".encode()).decode()[2:],
    "base64 after two bytes": lambda v: base64.b64encode(f"u:{v}".encode()).decode()[3:],
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("="),
    "base64 for URLs after one byte": lambda v: base64.urlsafe_b64encode(f"x{v}".encode()).decode()[2:],
    "base64 for URLs after two bytes": lambda v: base64.urlsafe_b64encode(f"xy{v}".encode()).decode()[3:],
    "hexadecimal": lambda v: v.encode().hex(),
    "hexadecimal, capitals": lambda v: v.encode().hex().upper(),
    "part of a URL": lambda v: quote(v, safe=""),
    "path of a URL": quote,
    "part of a URL, small letters": lambda v: re.sub("%..", lambda found: found[0].lower(), quote(v, safe="")),
    "form": quote_plus,
    "JavaScript's encodeURIComponent": lambda v: quote(v, safe="-_.!~*'()"),
    "JSON": lambda v: json.dumps(v)[1:-1],
    "JSON in UTF-8": lambda v: json.dumps(v, ensure_ascii=False)[1:-1],
    "JSON with escaped slashes": lambda v: json.dumps(v)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda v: json.dumps(json.dumps(v))[1:-1],
    "Python": lambda v: repr(v)[1:-1],
    "HTML": html.escape,
    "quoted for a shell": lambda v: shlex.quote(v).removeprefix("'").removesuffix("'"),
    "bash's %q": lambda v: run('printf %q "$V"', v),
    "bash's trace": lambda v: run('set -x; : "$V"', v).strip().removeprefix("+ : ").strip("'"),
    "bash's @Q": lambda v: run('printf %s "${V@Q}"', v).removeprefix("'").removesuffix("'"),
}


@pytest.mark.parametrize("value", [AWKWARD, "sixsix", "k/+=?>~~~" * 9], ids=["awkward", "short", "long"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_encoded_forms_are_masked(secrets: Secrets, name: str, value: str) -> None:
    secrets.keep(Secret(name="password"), value)
    encoded = ENCODINGS[name](value)
    shown = secrets.shown(f"before {encoded}; {encoded}")
    # Of base64, one character on each side may hold bits of other bytes too.
    assert shown.startswith("before ")
    assert len(shown.replace(MASK, "")) <= len("before ; ") + 8
    assert not any(encoded[start : start + 4] in shown for start in range(len(encoded) - 3))


@pytest.mark.parametrize("user", ["a", "ab", "abc", "abcd"])
def test_login_in_a_header_is_masked_whatever_the_length_of_the_user_name(secrets: Secrets, user: str) -> None:
    secrets.keep(Secret(name="password"), "hunter22-hunter22")
    header = base64.b64encode(f"{user}:hunter22-hunter22".encode()).decode()
    shown = secrets.shown(f"Authorization: Basic {header}")
    assert shown.startswith("Authorization: Basic ")
    assert shown.endswith(MASK)
    assert len(shown) <= len("Authorization: Basic ") + len(MASK) + len(base64.b64encode(f"{user}:".encode()))


def test_short_secret_is_masked_as_it_is_alone(secrets: Secrets) -> None:
    secrets.keep(Secret(name="pin"), "17")
    encoded = base64.b64encode(b"17").decode()
    assert secrets.shown(f"17, {encoded}, 3137") == f"{MASK}, {encoded}, 3137"


@pytest.mark.parametrize(
    "text",
    [
        "hun\x1b[01;31m\x1b[Kter2\x1b[m\x1b[K2",
        "".join(f"\x1b[3{number % 8}m{char}" for number, char in enumerate("hunter22")),
        "hunt\x1b]8;;https://example.com\x1b\\er22\x1b]8;;\x1b\\",
        "hun\x9b1mter22",
        "hunter\x002\x072",
        "50%\rhunter22",
        "h\bhu\bun\bnt\bte\ber\br2\b22\b2",
        "aHVudGV\x1b[1myMjI=",
    ],
)
def test_codes_for_terminals_do_not_hide_a_secret(secrets: Secrets, text: str) -> None:
    secrets.keep(Secret(name="password"), "hunter22")
    assert secrets.shown(f"it is {text}.".replace("it is 50%", "50%")).replace("it is ", "") == f"{MASK}."


@pytest.mark.parametrize("value", ["a\x1b[1mbcdef", "abc\rdefg", "ab\x00cdef", "two  spaces\tand more"])
def test_secret_that_holds_codes_itself_is_masked_as_people_see_it(secrets: Secrets, value: str) -> None:
    secrets.keep(Secret(name="password"), value)
    for text in (value, " ".join(value.split())):
        assert secrets.shown(f"({text})").removeprefix("(") == f"{MASK})"


def test_secrets_that_overlap_leave_no_part(secrets: Secrets) -> None:
    for number, value in enumerate(("abcdefgh", "efghijkl", "cd")):
        secrets.keep(Secret(name=str(number)), value)
    assert secrets.shown("(abcdefghijkl) abcd") == f"({MASK}) ab{MASK}"


async def test_secret_file_may_hold_any_bytes(secrets: Secrets, tmp_path: Path) -> None:
    value = bytes(range(256)) * 4
    (tmp_path / "keystore").write_bytes(value)
    secret = Secret(uri=f"file:{tmp_path}/keystore")
    assert await secrets.value(secret) == value
    assert "\ufffd" in await secrets.plaintext(secret)
    assert secrets.fingerprint(secret) not in value.hex()
    for width in (76, 64):
        encoded = base64.b64encode(value).decode()
        lines = "\n".join(encoded[start : start + width] for start in range(0, len(encoded), width))
        assert len(secrets.shown(lines).replace(MASK, "").strip()) < 10
    dump = "\n".join(value.hex()[start : start + 60] for start in range(0, len(value.hex()), 60))
    assert len(secrets.shown(dump).replace(MASK, "").strip()) < 10
    assert secrets.shown(value.hex()) == MASK


class Log:
    """Listens to what people see."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, span: Span) -> None: ...

    def logged(self, span: Span, line: str) -> None:  # noqa: ARG002 - as the protocol says
        self.lines.append(line)

    def ended(self, span: Span) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


def streamed(secrets: Secrets, pieces: list[bytes]) -> list[str]:
    events, log = Events(secrets.shown, secrets.unfinished), Log()
    events.listeners.append(log)
    with events.span("a step") as span:
        stream = events.stream(span)
        for piece in pieces:
            stream.add(piece)
        stream.finish()
    return log.lines


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 200), max_size=6))
def test_secret_of_several_lines_is_masked_however_the_output_is_cut(secrets: Secrets, cuts: list[int]) -> None:
    secrets.keep(Secret(name="key"), KEY)
    text = f"before\nkey: {KEY}after\n-----BEGIN KEY-----\nabcdefgh\nx\nno key\n".encode()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert streamed(secrets, pieces) == ["before", f"key: {MASK}", "after", MASK, MASK, "x", "no key"]


@settings(max_examples=300, deadline=None)
@given(st.text("ab\n", min_size=1, max_size=8), st.text("ab\n", max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_pieces_are_masked_as_the_whole_is(value: str, text: str, cuts: list[int]) -> None:
    mask = TextMask({value.strip()} if value.strip() else ())
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    events, log = Events(mask.apply, mask.unfinished), Log()
    events.listeners.append(log)
    with events.span("a step") as span:
        stream = events.stream(span)
        for start, end in pairwise(places):
            stream.add(text[start:end].encode())
        stream.finish()
    whole = mask.apply(text).removesuffix("\n").split("\n") if text else []
    assert log.lines == whole


def test_lines_come_at_once_unless_they_may_begin_a_secret(secrets: Secrets) -> None:
    secrets.keep(Secret(name="key"), KEY)
    events, log = Events(secrets.shown, secrets.unfinished), Log()
    events.listeners.append(log)
    with events.span("a step") as span:
        stream = events.stream(span)
        for piece, expected in (
            ("one\ntwo\nthr", ["one", "two"]),
            ("ee\n-----BEGIN KEY-----\n", ["one", "two", "three"]),
            ("abcdefgh\nx\n", ["one", "two", "three"]),
            ("other\n", ["one", "two", "three", MASK, MASK, "x", "other"]),
        ):
            stream.add(piece.encode())
            assert log.lines == expected


@pytest.mark.parametrize("size", [3_000, 300_000])
def test_long_secret_is_masked(secrets: Secrets, size: int) -> None:
    characters = string.ascii_letters + string.digits + "\n/+ "
    value = "".join(random.Random(size).choices(characters, k=size)).strip()  # noqa: S311 - the same in each run
    secrets.keep(Secret(name="long"), value)
    encoded = base64.b64encode(value.encode()).decode()
    assert secrets.shown(f"a {value} b {encoded} c {json.dumps(value)[1:-1]} d") == f"a {MASK} b {MASK} c {MASK} d"
