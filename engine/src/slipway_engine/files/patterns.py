"""Include, exclude and .gitignore patterns with the meaning that Dagger gives them.

Include and exclude patterns are those of .dockerignore: relative to the folder, `*` stops at a slash, `**` does not, a
pattern that names a folder covers what is in it, and a later `!pattern` takes an exclusion back.
"""

import functools
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec


@dataclass(frozen=True)
class Rules:
    """Which paths of a folder count; with no patterns, all of them."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignored: "GitIgnore | None" = None

    def allows(self, path: str, *, is_dir: bool) -> bool:
        """Return whether a path, relative to the folder, counts."""
        if self.ignored and self.ignored.matches(path, is_dir=is_dir):
            return False
        if self.include and not matches(self.include, path):
            return False
        return not (self.exclude and matches(self.exclude, path))

    def prunes(self, folder: str) -> bool:
        """Return whether nothing inside a sub-folder can count, so that it need not be walked."""
        if self.ignored and self.ignored.matches(folder, is_dir=True):
            return True
        taken_back = tuple(pattern.removeprefix("!") for pattern in self.exclude if pattern.startswith("!"))
        if self.exclude and matches(self.exclude, folder) and not _may_hold(taken_back, folder):
            return True
        return bool(self.include) and not matches(self.include, folder) and not _may_hold(self.include, folder)

    @property
    def trivial(self) -> bool:
        """Return whether everything counts."""
        return not (self.include or self.exclude or self.ignored)


@dataclass(frozen=True)
class GitIgnore:
    """The .gitignore files of a tree: the text of each, by the folder that it stands in."""

    files: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> "GitIgnore":
        """Make one from a mapping of folder (empty for the root) to text."""
        return cls(tuple(sorted(files.items())))

    def matches(self, path: str, *, is_dir: bool) -> bool:
        """Return whether git would ignore the path; the file nearest to it decides."""
        verdict = False
        for folder, text in self.files:
            if folder and not path.startswith(folder + "/"):
                continue
            relative = path[len(folder) + 1 :] if folder else path
            found = _spec(text).check_file(relative + "/" if is_dir else relative)
            verdict = verdict if found.include is None else found.include
        return verdict


@functools.lru_cache(maxsize=4096)
def _spec(text: str) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(text.splitlines())


def matches(patterns: Sequence[str], path: str) -> bool:
    """Return whether a list of patterns covers a path; the last pattern that matches decides."""
    patterns = tuple(patterns)
    if not _negates(patterns):
        return _any(patterns).match(path) is not None
    verdict = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if negated == verdict and _any((pattern.removeprefix("!"),)).match(path):
            verdict = not negated
    return verdict


def escaped(path: str) -> str:
    """Return the pattern that covers exactly this path, and what is in it."""
    # Spaces at its ends would be stripped.
    return re.sub(r"([\\*?\[]|^!)", r"\\\1", path).replace(" ", "[ ]")


@functools.lru_cache(maxsize=1024)
def _negates(patterns: tuple[str, ...]) -> bool:
    return any(pattern.startswith("!") for pattern in patterns)


@functools.lru_cache(maxsize=1024)
def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Compile patterns into one that matches what any of them covers, or anything inside of that."""
    cleaned = (posixpath.normpath(pattern.strip()).lstrip("/") for pattern in patterns)
    return re.compile("|".join(f"(?:{'.*' if p == '.' else _translate(p)})(?:/.*)?$" for p in cleaned))


@functools.lru_cache(maxsize=4096)
def _translate(pattern: str) -> str:
    regex, rest = "", pattern
    while rest:
        if found := re.match(r"\*\*/?", rest):
            regex += ".*" if found.end() == len(rest) else "(?:.*/)?"
        elif found := re.match(r"\*", rest):
            regex += "[^/]*"
        elif found := re.match(r"\?", rest):
            regex += "[^/]"
        elif found := re.match(r"\[\^?[^\]]+\]", rest):
            regex += found[0]
        else:
            found = re.match(r"\\?(.)", rest, re.DOTALL)
            regex += re.escape(found[1]) if found else ""
        rest = rest[found.end() if found else 1 :]
    return regex


def _may_hold(patterns: tuple[str, ...], folder: str) -> bool:
    """Return whether a pattern could match something inside a folder, by its leading parts."""
    return any(_reaches(pattern, folder) for pattern in patterns)


@functools.lru_cache(maxsize=65536)
def _reaches(pattern: str, folder: str) -> bool:
    parts = posixpath.normpath(pattern).lstrip("/").split("/")
    for index, name in enumerate(folder.split("/")):
        if index >= len(parts):
            return False
        if "**" in parts[index]:
            return True
        if not re.fullmatch(_translate(parts[index]), name):
            return False
    return True


def glob_matches(pattern: str, path: str) -> bool:
    """Return whether a glob names exactly this path."""
    return re.fullmatch(_translate(posixpath.normpath(pattern).lstrip("/")), path) is not None
