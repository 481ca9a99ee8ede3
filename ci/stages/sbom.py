"""What is in the image, as a CycloneDX document: Python distributions and Debian packages."""

import json

import dagger

from ci.settings import Settings
from ci.stages.toolchain import VENV, base

CYCLONEDX = ["uvx", "--quiet", "--from", "cyclonedx-bom==7.5.0", "cyclonedx-py"]
DPKG = ["dpkg-query", "--show", "--showformat=${Package}\t${Version}\t${Architecture}\n"]


async def bill_of_materials(settings: Settings, image: dagger.Container, version: str) -> str:
    """Return the document's JSON text: https://cyclonedx.org/docs/1.6/json/."""
    python = (
        base(settings)
        .with_directory(VENV, image.directory(VENV))
        .with_exec([*CYCLONEDX, "environment", f"{VENV}/bin/python", "--output-reproducible", "--spec-version=1.6"])
    )
    document = json.loads(await python.stdout())
    packages = await image.with_user("root").with_exec(DPKG).stdout()
    document["components"] = [*document.get("components", []), *map(_debian, packages.splitlines())]
    document["metadata"]["component"] = {
        "type": "container",
        "bom-ref": settings.app.name,
        "name": settings.app.name,
        "version": version,
    }
    return json.dumps(document, indent=2)


def _debian(line: str) -> dict[str, str]:
    name, version, architecture = line.split("\t")
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
