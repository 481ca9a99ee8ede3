"""The functions that people call: each says the steps, the stages take them."""

import dataclasses
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag

from ci.reports import Deployment, EnvironmentStatus, LintReport, TestReport, Verification
from ci.settings import FILE, Settings
from ci.stages import build, database, lint, prove, push, sbom, shells, test
from ci.stages.deliver import deliver
from ci.stages.errors import Refused, StageFailed
from ci.stages.target import Credentials, Target
from ci.stages.together import together
from ci.stages.version import version_of
from ci.targets import protocol
from ci.typed import check, function, live, object_type

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
        service = self._service(settings)
        text = await sbom.bill_of_materials(settings, service, await self.build(), await version_of(service))
        return dag.file(f"{settings.app.name}.cdx.json", text)

    @live
    async def push(self, env: Env = "dev") -> str:
        """Push the image and return its address by digest; a loopback registry is reached through ENV's target."""
        settings = await self._settings()
        settings.environment(env)
        version = await version_of(self._service(settings))
        return await push.push(settings, self._credentials, await self.build(), env, version)

    @live
    async def deploy(self, env: Env) -> Deployment:
        """Test, lint, build, push, deploy, prove, switch and verify: the whole way to an environment."""
        settings = await self._settings()
        if settings.environment(env).kind != "dev":
            raise Refused(f"{env}: only environments of the kind dev can be deployed to: promotion has not landed yet")
        version = await version_of(self._service(settings))
        work = {"test": self.test, "lint": self.lint, "sbom": self._sbom, "build": self._built}
        done = await together(work)
        image = await push.push(settings, self._credentials, done["build"], env, version)
        target = Target(settings, env, self._credentials)
        deployed = await deliver(target, image, version, self._service(settings), holder="slipway")
        return Deployment.of(env, version, image, deployed)

    @live
    async def integration_test(self, env: Env) -> str:
        """Run the environment's proof, integration or smoke tests, against what serves it now."""
        settings = await self._settings()
        proved = await prove.prove(Target(settings, env, self._credentials), self._service(settings))
        return proved.output

    @live
    async def verify(self, env: Env) -> Verification:
        """Watch the environment's metrics for its window, with traffic of our own where there is none."""
        watched = await Target(await self._settings(), env, self._credentials).ask(protocol.Watch, protocol.Watched)
        if not watched.ok:
            raise StageFailed(f"{env}: {watched.message}")
        verdict = watched.verdict
        return Verification(outcome=verdict.outcome, requests=verdict.requests, summary=f"**{env}**: {watched.message}")

    @live
    async def status(self, env: Env) -> EnvironmentStatus:
        """Tell what an environment runs, since when, and how healthy it is."""
        target = Target(await self._settings(), env, self._credentials)
        return EnvironmentStatus.of(env, await target.ask(protocol.State, protocol.Described))

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

    @property
    def _credentials(self) -> Credentials:
        return Credentials(self.docker, self.ssh_key, self.registry_user, self.registry_password)

    async def _built(self) -> dagger.Container:
        return await (await self.build()).sync()

    async def _sbom(self) -> dagger.File:
        return await (await self.sbom()).sync()

    async def _settings(self) -> Settings:
        return Settings.parse(await self.source.file(FILE).contents(), self.overrides)

    def _service(self, settings: Settings) -> dagger.Directory:
        return self.source.directory(settings.app.path)
