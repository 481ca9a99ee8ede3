"""Packages of an image's distribution, read from the image's files: nothing runs inside, which may hold no shell."""

from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import quote

import dagger

from ci.stages.concurrently import run_concurrently

# Debian's database; images without dpkg itself, such as distroless, have a folder with a file for each package.
DPKG, DPKG_FOLDER = "/var/lib/dpkg/status", "/var/lib/dpkg/status.d"
# Alpine's: https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_database.
APK = "/lib/apk/db/installed"
INSTALLED = "install ok installed"

Component = dict[str, str]


async def list_system_packages(image: dagger.Container) -> list[Component]:
    """Return the packages of Debian's and Alpine's databases as CycloneDX components; other images have none."""
    files = image.rootfs()
    found = await run_concurrently(
        {
            DPKG: partial(_read, files, DPKG),
            DPKG_FOLDER: partial(_read_folder, files, DPKG_FOLDER),
            APK: partial(_read, files, APK),
        }
    )
    return [*debian_packages(found[DPKG]), *debian_packages(found[DPKG_FOLDER]), *alpine_packages(found[APK])]


def debian_packages(database: str) -> Iterator[Component]:
    """Read Debian's database of packages."""
    for fields in _paragraphs(database, ": "):
        # Removed packages stay in the database while their configuration does.
        if fields.get("Package") and fields.get("Status", INSTALLED) == INSTALLED:
            yield _component("deb/debian", fields["Package"], fields.get("Version", ""), fields.get("Architecture", ""))


def alpine_packages(database: str) -> Iterator[Component]:
    """Read Alpine's database of packages."""
    for fields in _paragraphs(database, ":"):
        if fields.get("P"):
            yield _component("apk/alpine", fields["P"], fields.get("V", ""), fields.get("A", ""))


def _paragraphs(database: str, separator: str) -> Iterator[Mapping[str, str]]:
    for paragraph in database.split("\n\n"):
        # A line that goes on from the one before begins with a space.
        lines = (line for line in paragraph.splitlines() if not line.startswith(" "))
        yield {name: value.strip() for name, found, value in (line.partition(separator) for line in lines) if found}


def _component(kind: str, name: str, version: str, architecture: str) -> Component:
    purl = f"pkg:{kind}/{quote(name)}@{quote(version, safe='.+-~')}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


async def _read(files: dagger.Directory, path: str) -> str:
    return await files.file(path).contents() if await files.exists(path) else ""


async def _read_folder(files: dagger.Directory, path: str) -> str:
    if not await files.exists(path):
        return ""
    names = [name for name in await files.directory(path).entries() if not name.endswith((".md5sums", "/"))]
    texts = await run_concurrently({name: partial(_read, files, f"{path}/{name}") for name in names})
    return "\n\n".join(texts[name] for name in names)
