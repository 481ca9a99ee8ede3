"""The functions that people call: each says the steps, the stages take them."""

import dataclasses
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag

from ci.reports import LintReport, TestReport
from ci.settings import FILE, Settings
from ci.stages import build, database, lint, sbom, shells, test
from ci.stages.together import together
from ci.stages.version import version_of
from ci.typed import check, function, object_type

# What no stage reads; a folder that is not uploaded costs nothing.
IGNORED = [
    ".git",
    "**/.venv",
    "**/__pycache__",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.pytest_cache",
    "**/node_modules",
    ".env",
    "out",
]

Env = Annotated[str, Doc("The environment: a name in pipeline.toml")]


@object_type
class Ci:
    """The pipeline of the service that pipeline.toml describes."""

    source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(IGNORED), Doc("The repository")]
    docker: Annotated[dagger.Socket | None, Doc("The Docker daemon of `unix` targets")] = None
    ssh_key: Annotated[dagger.Secret | None, Doc("The private key for `ssh://` targets")] = None
    registry: Annotated[dagger.Service | None, Doc("A registry on this machine's loopback address")] = None
    registry_user: Annotated[str, Doc("The user of a registry that asks for one")] = ""
    registry_password: Annotated[dagger.Secret | None, Doc("That user's password")] = None
    overrides: Annotated[list[str], Doc("Settings over the file's: environments.dev.replicas=3")] = dataclasses.field(
        default_factory=list
    )

    @function
    @check
    async def test(self) -> TestReport:
        """Run the service's unit tests against a real database."""
        settings = await self._settings()
        return await TestReport.of(test.tested(settings, self._service(settings)).directory(test.REPORTS))

    @function
    @check
    async def lint(self) -> LintReport:
        """Run every linter that finds something to look at."""
        found = await lint.linters(await self._settings(), self.source)
        await together({name: container.sync for name, container in found.items()})
        return LintReport.of(list(found))

    @function
    async def build(self) -> dagger.Container:
        """Build the service's image: non-root, and the same bytes from the same sources."""
        settings = await self._settings()
        return build.image(settings, self._service(settings), await version_of(self._service(settings)))

    @function
    async def sbom(self) -> dagger.File:
        """List what is in the image, as a CycloneDX document."""
        settings = await self._settings()
        text = await sbom.bill_of_materials(settings, await self.build(), await version_of(self._service(settings)))
        return dag.file(f"{settings.app.name}.cdx.json", text)

    @function
    async def up(self) -> dagger.Service:
        """Run the service with a database of its own, for a laptop."""
        settings = await self._settings()
        return (await self.build()).with_(database.with_database(settings, "up")).as_service(use_entrypoint=True)

    @function
    async def shell(
        self, stage: Annotated[str, Doc("test, lint or build: whose container it is")] = "test"
    ) -> dagger.Container:
        """Return a stage's container, to open a terminal in: `shell --stage test terminal`."""
        settings = await self._settings()
        service = self._service(settings)
        return shells.container(settings, service, stage)

    async def _settings(self) -> Settings:
        return Settings.parse(await self.source.file(FILE).contents(), self.overrides)

    def _service(self, settings: Settings) -> dagger.Directory:
        return self.source.directory(settings.app.path)
