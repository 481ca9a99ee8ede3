import enum
import os
import time
from pathlib import Path
from typing import Annotated, Self

import dagger
from dagger import DefaultPath, Doc, Ignore, check, dag, field, function, object_type


@dagger.enum_type
class Level(enum.Enum):
    """How loud."""

    LOW = "low"
    """Hardly heard"""
    HIGH = "high"


@object_type
class Part:
    """A part of a whole."""

    name: str = field()
    size: int = field(default=1)
    hidden: str = ""

    @function
    def described(self, prefix: str = "") -> str:
        """Name the part and its size."""
        return f"{prefix}{self.name} ({self.size}){self.hidden}"


@object_type
class Report:
    """What a run found."""

    ok: bool = field()
    parts: list[Part] = field(default=list)
    level: Level = field(default=Level.LOW)

    @function
    def summary(self) -> str:
        """Say it in a sentence."""
        return f"{'good' if self.ok else 'bad'}: {len(self.parts)} parts"

    @function
    def first(self) -> Part:
        """Return the first part."""
        return self.parts[0]


@object_type
class Kinds:
    """The main object."""

    greeting: Annotated[str, Doc("What to say first")] = field(default="hello")
    times: int = 1

    @function
    def greet(self, name: Annotated[str, Doc("Whom to greet")], *, shout: bool = False) -> str:
        """Greet somebody.

        As often as the constructor says.
        """
        text = " ".join([f"{self.greeting} {name}"] * self.times)
        return text.upper() if shout else text

    @function
    def add(self, a: int, b: int = 2) -> int:
        """Add two numbers."""
        return a + b

    @function
    def half(self, of: float) -> float:
        """Halve a number."""
        return of / 2

    @function
    def flag(self, on: bool = True) -> bool:
        """Return a flag."""
        return on

    @function
    def join(self, words: list[str], numbers: list[int] | None = None) -> str:
        """Join words and numbers."""
        return "|".join([*words, *map(str, numbers or [])])

    @function
    def words(self) -> list[str]:
        """Return a list."""
        return ["one", "two"]

    @function
    def louder(self, level: Level = Level.LOW, levels: list[Level] | None = None) -> Level:
        """Return a level that is higher."""
        return Level.HIGH if level is Level.LOW or levels else level

    @function
    def maybe(self, text: str | None = None) -> str:
        """Tell whether there is a text."""
        return "nothing" if text is None else f"<{text}>"

    @function
    def nothing(self) -> None:
        """Return nothing."""

    @function
    def report(self) -> Report:
        """Return an object."""
        return Report(ok=True, parts=[Part(name="a"), Part(name="b", size=2, hidden="!")])

    @function
    def parts(self) -> list[Part]:
        """Return objects."""
        return self.report().parts

    @function
    def fail(self, message: str = "it broke") -> str:
        """Raise an error."""
        raise RuntimeError(message)

    @function
    def leave(self) -> str:
        """End the process without a result."""
        os._exit(3)

    @function
    def shown(self) -> str:
        """Print something."""
        print("a line of output")
        return "done"

    @function
    def clock(self) -> str:
        """Return a time, which is cached."""
        return str(time.time_ns())

    @function(cache="never")
    def now(self) -> str:
        """Return a time, which is not cached."""
        return str(time.time_ns())

    @function(cache="1s")
    def soon(self) -> str:
        """Return a time, which is cached for a second."""
        return str(time.time_ns())

    @function(cache="session")
    def once(self) -> str:
        """Return a time, which is cached in a session."""
        return str(time.time_ns())

    @function(cache="never")
    def surroundings(self) -> str:
        """Return what the process sees of the host."""
        seen = [*sorted(os.environ), f"home:{os.listdir(Path.home())}", f"work:{os.listdir('.')}"]
        return "\n".join(seen)

    @function(cache="never")
    async def wait(self, path: str, seconds: float = 60) -> str:
        """Write a file's name, and wait."""
        print("a line of output")
        Path(path).write_text(str(os.getpid()))
        time.sleep(seconds)
        return "waited"

    @function
    async def reveal(self, secret: dagger.Secret) -> str:
        """Return a secret's length, after printing it."""
        print("the secret is", await secret.plaintext())
        return str(len(await secret.plaintext()))

    @function
    async def names(self, source: Annotated[dagger.Directory, DefaultPath("."), Ignore(["*.json"])]) -> list[str]:
        """List the names in a folder."""
        return await source.entries()

    @function
    async def top(self, file: Annotated[dagger.File, DefaultPath("/top.txt")]) -> str:
        """Return the text of a file of the repository."""
        return await file.contents()

    @function
    async def read(self, file: dagger.File) -> str:
        """Return a file's text."""
        return await file.contents()

    @function
    def tree(self) -> dagger.Directory:
        """Return a folder."""
        return dag.directory().with_new_file("hello.txt", "hello").with_new_file("sub/other.txt", "other")

    @function
    def again(self, greeting: str) -> Self:
        """Return the main object with another greeting."""
        return Kinds(greeting=greeting, times=self.times)

    @function
    @check
    def passes(self) -> None:
        """Pass."""

    @function
    @check
    def breaks(self) -> None:
        """Fail."""
        raise RuntimeError("the check found something")
