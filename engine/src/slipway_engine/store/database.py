"""What the engine remembers between processes: descriptions of values, results of steps, small cached facts.

One SQLite file (write-ahead log, so that two engines share it) and a folder of lock files, in the user's cache folder.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slipway_engine.errors import StoreError

SCHEMA = """
CREATE TABLE IF NOT EXISTS nodes (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires REAL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS steps (
    digest TEXT PRIMARY KEY, image TEXT NOT NULL, volumes TEXT NOT NULL, stdout TEXT NOT NULL, stderr TEXT NOT NULL,
    combined TEXT NOT NULL, exit_code INTEGER NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS steps_by_use ON steps (used, bytes, digest, image, volumes);
CREATE TABLE IF NOT EXISTS durations (work TEXT PRIMARY KEY, seconds TEXT NOT NULL, used REAL NOT NULL) WITHOUT ROWID;
"""
FILE = "store.db"
SESSIONS = "sessions"  # the folder of the sessions' lock files: those that live, and those that were killed
# Fails where a table is another version's or another program's.
CHECK = """
SELECT digest, body FROM nodes LIMIT 0;
SELECT kind, key, value, expires FROM facts LIMIT 0;
SELECT digest, image, volumes, stdout, stderr, combined, exit_code, bytes, used FROM steps LIMIT 0;
SELECT work, seconds, used FROM durations LIMIT 0;
"""
# How SQLite begins to say that a file is none of its own, is broken, or has other tables.
DAMAGED = ("file is not a database", "database disk image is malformed", "no such column", "no such table", "table ")
LAST_RUNS = 5  # of a piece of work whose durations are remembered
MOST_WORK = 2000  # pieces of work; the ones that were not done for the longest time are forgotten


@dataclass(frozen=True)
class Step:
    """What a step left: an image of its file system, the volumes that it wrote, and what it printed."""

    digest: str
    image: str
    volumes: dict[str, str]  # mount path → volume
    stdout: str = ""
    stderr: str = ""
    combined: str = ""
    exit_code: int = 0
    size: int = 0


@dataclass(frozen=True)
class StoredStep:
    """What Docker holds of a step: an image, which adds `size` bytes to its parent, and volumes."""

    digest: str
    image: str
    volumes: dict[str, str]
    size: int


class Store:
    """The engine's memory, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Open or create the store; a folder that cannot be used raises StoreError with advice."""
        self.folder = folder
        try:
            for name in ("locks", SESSIONS):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / FILE, timeout=30, isolation_level=None)
            self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {SCHEMA}")
            self._db.executescript(CHECK)
        except (OSError, sqlite3.Error) as error:
            raise self._refuse(error) from error

    @cached_property
    def name(self) -> str:
        """A short random name: objects of another store's sessions are not touched."""
        known = self.get_json("name", "store")
        if known is None:
            known = secrets.token_hex(4)
            self.put_json("name", "store", known)
        return str(known)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def put_nodes(self, bodies: Iterable[tuple[str, str]]) -> None:
        """Remember values by their digest."""
        with self._transaction() as db:
            db.executemany("INSERT OR IGNORE INTO nodes VALUES (?, ?)", bodies)

    def get_node(self, digest: str) -> Any | None:
        """Return a value's description, or nothing when the store does not know it."""
        row = self._one("SELECT body FROM nodes WHERE digest = ?", digest)
        return self._value(row[0]) if row else None

    def put_json(self, kind: str, key: str, value: Any, ttl_seconds: float | None = None) -> None:
        """Remember a fact, for `ttl_seconds` or for good."""
        expires = None if ttl_seconds is None else time.time() + ttl_seconds
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", (kind, key, json.dumps(value), expires))

    def get_json(self, kind: str, key: str) -> Any | None:
        """Return a fact that has not expired, or nothing."""
        row = self._one("SELECT value, expires FROM facts WHERE kind = ? AND key = ?", kind, key)
        if row is None or (row[1] is not None and row[1] < time.time()):
            return None
        return self._value(row[0])

    def drop_json(self, kind: str, key: str) -> None:
        """Forget a fact."""
        with self._transaction() as db:
            db.execute("DELETE FROM facts WHERE kind = ? AND key = ?", (kind, key))

    def drop_expired(self) -> None:
        """Forget the facts that have expired."""
        with self._transaction() as db:
            db.execute("DELETE FROM facts WHERE expires < ?", (time.time(),))

    def put_step(self, step: Step) -> None:
        """Remember what a step left."""
        row = (step.digest, step.image, json.dumps(step.volumes), step.stdout, step.stderr, step.combined)
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, step.exit_code, step.size, time.time()),
            )

    def get_step(self, digest: str) -> Step | None:
        """Return what a step left, and note that it was used."""
        row = self._one("SELECT * FROM steps WHERE digest = ?", digest)
        if row is None:
            return None
        with self._transaction() as db:
            db.execute("UPDATE steps SET used = ? WHERE digest = ?", (time.time(), digest))
        return self._step(row)

    def steps_by_use(self) -> list[StoredStep]:
        """Return what Docker holds of all steps, the least recently used first."""
        rows = self._all("SELECT digest, image, volumes, bytes FROM steps ORDER BY used")
        return [StoredStep(digest, image, self._value(volumes), size) for digest, image, volumes, size in rows]

    def bytes_of_steps(self) -> int:
        """Return how much the images of all steps hold."""
        return int(self._all("SELECT COALESCE(SUM(bytes), 0) FROM steps")[0][0])

    def drop_step(self, digest: str) -> None:
        """Forget a step."""
        with self._transaction() as db:
            db.execute("DELETE FROM steps WHERE digest = ?", (digest,))

    def put_durations(self, seconds: Mapping[str, float]) -> None:
        """Remember how long pieces of work took, beside the last few times of each."""
        rows = [(work, [*self.durations(work), round(took, 3)]) for work, took in seconds.items()]
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO durations VALUES (?, ?, ?)",
                [(work, json.dumps(last[-LAST_RUNS:]), time.time()) for work, last in rows],
            )
            db.execute(
                "DELETE FROM durations WHERE work NOT IN (SELECT work FROM durations ORDER BY used DESC LIMIT ?)",
                (MOST_WORK,),
            )

    def durations(self, work: str) -> list[float]:
        """Return how long a piece of work took the last few times, in seconds."""
        row = self._one("SELECT seconds FROM durations WHERE work = ?", work)
        return list(self._value(row[0])) if row else []

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction() as db:
            for table in ("nodes", "facts", "steps", "durations"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand in the line above
        self._all("VACUUM")

    @contextlib.asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:
        """Hold a lock that other processes respect and that ends with this process, however it ends."""
        with self._lock_file(self.folder / "locks" / name) as file:
            while not _try_lock(file):
                await asyncio.sleep(0.05)
            yield

    @contextlib.contextmanager
    def try_lock(self, name: str) -> Any:
        """Hold a lock if it is free now; the value is whether it was."""
        with self._lock_file(self.folder / "locks" / name) as file:
            yield _try_lock(file)

    @contextlib.asynccontextmanager
    async def session(self, name: str) -> AsyncIterator[None]:
        """Mark a session as alive.

        Its lock file stays where the block fails or the process is killed: the session is then a dead one.
        """
        path = self.folder / SESSIONS / name
        while True:
            with self._lock_file(path) as file:
                # Who looked for dead sessions between the file's creation and this lock removes the file.
                if _try_lock(file) and _is_at(file, path):
                    yield
                    path.unlink(missing_ok=True)
                    return
            await asyncio.sleep(0.05)

    @contextlib.contextmanager
    def dead_sessions(self) -> Iterator[list[str]]:
        """Give the sessions whose process is gone, which no other process gets; they are forgotten after the block."""
        with contextlib.ExitStack() as stack:
            dead = []
            for path in (self.folder / SESSIONS).iterdir():
                file = stack.enter_context(self._lock_file(path))
                if _try_lock(file):
                    dead.append(path)
            yield [path.name for path in dead]
            for path in dead:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _lock_file(self, path: Path) -> Any:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._refuse(error) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _one(self, statement: str, *values: Any) -> Any | None:
        return next(iter(self._all(statement, *values)), None)

    def _all(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._refuse(error) from error

    def _value(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (TypeError, ValueError) as error:
            raise self._damaged(error) from error

    def _step(self, row: Any) -> Step:
        try:
            digest, image, volumes, stdout, stderr, combined, exit_code, size, _ = row
        except ValueError as error:
            raise self._damaged(error) from error
        return Step(digest, image, self._value(volumes), stdout, stderr, combined, exit_code, size)

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._refuse(error) from error

    def _refuse(self, error: Exception) -> StoreError:
        if str(error).startswith(DAMAGED):
            return self._damaged(error)
        return StoreError(
            f"{self.folder}: the engine's cache folder cannot be used: {error}. "
            "Free some space, make it writable, or set SLIPWAY_CACHE to another folder."
        )

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(
            f"{self.folder / FILE}: is damaged ({error}): remove the folder {self.folder}. "
            "The engine makes all that it holds anew."
        )


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
