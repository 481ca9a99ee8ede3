"""Trees that come from outside of Docker: git repositories and downloads."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

from slipway_engine.errors import EngineError
from slipway_engine.files import tar
from slipway_engine.model.secret import Secret
from slipway_engine.model.tree import Download, GitTree
from slipway_engine.store.secrets import Secrets


@contextlib.asynccontextmanager
async def open_source(secrets: Secrets, tree: GitTree | Download, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """Read such a tree, or one of its files, as a tar stream."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        match tree:
            case GitTree():
                await checkout(tree, Path(folder))
            case Download():
                headers = await authorization(secrets, tree.authorization)
                found = await download(tree.url, Path(folder, tree.name), headers)
                if found != tree.checksum:
                    raise EngineError(f"{tree.url}: is not what it was: {found} instead of {tree.checksum}")
                Path(folder, tree.name).chmod(tree.permissions)
        yield tar.write(lambda: entries_below(Path(folder), path.strip("/")))


async def checkout(tree: GitTree, folder: Path) -> None:
    """Put a commit's files into a folder."""
    await git("init", "-q", str(folder))
    await git("fetch", "-q", "--depth=1", tree.url, tree.commit, cwd=folder)
    await git("-c", "advice.detachedHead=false", "checkout", "-q", "FETCH_HEAD", cwd=folder)
    if not tree.keep_git_dir:
        await asyncio.to_thread(shutil.rmtree, folder / ".git")


async def git(*args: str, cwd: Path | None = None) -> str:
    """Run git and return what it prints; raises EngineError with git's own message."""
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    process = await asyncio.create_subprocess_exec(
        "git", *args, cwd=cwd, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    if process.returncode:
        raise EngineError(f"git {args[0]}: {stderr.decode(errors='replace').strip()}")
    return stdout.decode()


async def authorization(secrets: Secrets, secret: Secret | None) -> dict[str, str] | None:
    """Return the header that carries a secret, where there is one."""
    return {"Authorization": await secrets.plaintext(secret)} if secret else None


async def download(url: str, place: Path, headers: dict[str, str] | None = None) -> str:
    """Fetch a URL into a file and return its checksum, `sha256:…`."""
    import httpx  # noqa: PLC0415 - few runs need it

    digest = hashlib.sha256()
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=60) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            response.raise_for_status()
            with place.open("wb") as file:
                async for chunk in response.aiter_bytes():
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
    except httpx.HTTPError as error:
        raise EngineError(f"{url}: {error}") from error
    return f"sha256:{digest.hexdigest()}"


def entries_below(root: Path, only: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Go through what is in a folder of the host, or through one of its files, as entries of a tar stream."""
    if not only:
        yield tar.folder("."), None
    for place in [root / only] if only else sorted(root.rglob("*")):
        name, status = str(place.relative_to(root)), place.lstat()
        mode, mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
        if place.is_symlink():
            yield tar.link(name, str(place.readlink()), mtime), None
        elif place.is_dir():
            yield tar.folder(name, mode, mtime=mtime), None
        else:
            yield tar.regular(name, status.st_size, mode, mtime=mtime), place.open("rb")
