"""The SBOM: the image's Python distributions and the packages of its system, as a CycloneDX document."""

import json
from typing import Any

import dagger
from dagger import dag

from ci.settings import Settings
from ci.stages.build import STAGING, build_image, environment
from ci.stages.failure import stage
from ci.stages.service import Service
from ci.stages.system_packages import list_system_packages
from ci.stages.toolchain import VENV, base, step_location

CYCLONEDX = ["uvx", "--quiet", "--from", "cyclonedx-bom==7.5.0", "cyclonedx-py"]


async def bill_of_materials(settings: Settings, service: Service, image: dagger.Container, version: str) -> str:
    """Return the document's JSON text: https://cyclonedx.org/docs/1.6/json/."""
    if settings.app.dockerfile:
        await build_image(settings, image)
    document = await _python(settings, service, image)
    # Without a Dockerfile, the build adds no package of the system to the base image.
    system = image if settings.app.dockerfile else dag.container().from_(settings.base_image())
    document["components"] = [*document.get("components", []), *await list_system_packages(system)]
    document.setdefault("metadata", {})["component"] = {
        "type": "container",
        "bom-ref": settings.app.name,
        "name": settings.app.name,
        "version": version,
    }
    return json.dumps(document, indent=2)


async def _python(settings: Settings, service: Service, image: dagger.Container) -> dict[str, Any]:
    """Return a document of the image's virtual environment; empty where a Dockerfile makes none."""
    if not settings.app.dockerfile:
        holder, venv = environment(settings, service), STAGING + VENV
    elif await image.exists(VENV):
        holder, venv = base(settings).with_directory(VENV, image.directory(VENV)), VENV
    else:
        return {"bomFormat": "CycloneDX", "specVersion": "1.6"}
    scan = holder.with_exec(
        [*CYCLONEDX, "environment", f"{venv}/bin/python", "--output-reproducible", "--spec-version=1.6"]
    )
    async with stage("build", where=step_location(settings)):
        await holder.sync()
    async with stage("sbom", where=step_location(settings)):
        document: dict[str, Any] = json.loads(await scan.stdout())
    return document
