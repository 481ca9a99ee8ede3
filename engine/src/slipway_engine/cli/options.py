"""The flags that every command accepts, at any place in the command line."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from slipway_engine.errors import UsageError

Progress = Literal["auto", "tty", "plain", "dots"]
PROGRESS: tuple[Progress, ...] = ("auto", "tty", "plain", "dots")

HELP = """\
  -m, --mod string        Path to the module: a folder with dagger.json (default: the working folder or one above it)
  -i, --interactive       Open a shell in the container of a step that fails
      --interactive-command string
                          What -i runs there instead of a shell (default: /bin/sh)
      --changes file      Save what was changed in a shell as a patch for git apply
      --progress string   How progress is shown: auto, tty, plain or dots (default: auto)
      --trace file        Write the run's timeline as a page that a browser opens
  -q, --quiet             Show errors and the result only
  -s, --silent            The same as --quiet
  -v, --verbose           Show more: every step stays in the live tree, with more of its output
  -d, --debug             Show what the engine does, and the Python stack of an error
  -h, --help              Print usage"""

SHORT = {"q": "quiet", "s": "quiet", "v": "verbose", "d": "debug", "i": "interactive"}
LONG = {"quiet": "quiet", "silent": "quiet", "verbose": "verbose", "debug": "debug", "interactive": "interactive"}
VALUED = frozenset({"-m", "--mod", "--progress", "--trace", "--interactive-command", "--changes"})


@dataclass
class Options:
    """The values of the common flags."""

    module: str | None = None
    progress: Progress = "auto"
    trace: Path | None = None
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    interactive: bool = False
    interactive_command: list[str] = field(default_factory=list)
    changes: str = ""
    constructor: list[str] = field(default_factory=list)  # the flags before the first function, once they are known


def scan(arguments: list[str]) -> tuple[Options, list[str]]:
    """Take the common flags out of the arguments, up to `--`; what is left is the command's own."""
    options, rest, queue = Options(), [], list(arguments)
    while queue:
        item = queue.pop(0)
        if item == "--":
            rest += [item, *queue]
            break
        if not _take(options, item, queue):
            rest.append(item)
    return options, rest


def _take(options: Options, item: str, queue: list[str]) -> bool:
    name, equals, value = item.partition("=")
    if name in {"-m", "--mod"}:
        options.module = value if equals else _next(name, queue)
    elif name == "--progress":
        options.progress = _progress(value if equals else _next(name, queue))
    elif name == "--trace":
        options.trace = Path(value if equals else _next(name, queue))
    elif name == "--interactive-command":
        options.interactive_command = _words(name, value if equals else _next(name, queue))
    elif name == "--changes":
        options.changes = value if equals else _next(name, queue)
    elif item.startswith("--") and name[2:] in LONG:
        setattr(options, LONG[name[2:]], value.lower() not in {"false", "0", "f"})
    elif item[:1] == "-" and len(item) > 1 and all(letter in SHORT for letter in item[1:]):
        for letter in item[1:]:
            setattr(options, SHORT[letter], True)
    else:
        return False
    return True


def _next(name: str, queue: list[str]) -> str:
    if not queue:
        raise UsageError(f"flag needs an argument: {name}")
    return queue.pop(0)


def _progress(value: str) -> Progress:
    for known in PROGRESS:
        if value == known:
            return known
    raise UsageError(f"--progress: must be one of {', '.join(PROGRESS)} (is {value!r})")


def _words(name: str, value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise UsageError(f"{name}: {value!r} cannot be split into words as a shell does: {error}") from error
