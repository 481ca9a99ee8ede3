"""The functions that people call: a table of contents; the stages do the work."""

import dataclasses
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag

from ci import families
from ci.agent.protocol import requests as r
from ci.agent.protocol import responses
from ci.decorators import check, function, object_type, uncached
from ci.escaping import for_markdown
from ci.results import (
    Deployment,
    DeployReport,
    EffectiveSettings,
    Environments,
    EnvironmentStatus,
    Findings,
    History,
    LintReport,
    Packaged,
    Release,
    TestReport,
    Verification,
)
from ci.settings.effective import list_effective
from ci.settings.values import read_period
from ci.stages import agent_image, build, database, findings, lint, push, sbom, shells, test
from ci.stages.agent import Agent
from ci.stages.arguments import seconds_of
from ci.stages.credentials import Credentials
from ci.stages.deliver import deliver, render_tests
from ci.stages.errors import Refused, StageFailed
from ci.stages.failure import next_commands, stage
from ci.stages.package import Commits, Package, package
from ci.stages.paths import UNIT_TESTS, check_paths, package_paths
from ci.stages.project import Project
from ci.stages.statements import read_signed
from ci.stages.toolchain import step_location

# Files that no stage reads: an ignored folder is not uploaded.
IGNORED = [
    ".git",
    "**/.venv",
    "**/__pycache__",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.pytest_cache",
    "**/.hypothesis",
    "**/node_modules",
    ".env",
    "out",
]
# The files that identify the checked-out commit. They are an argument of their own, so that a commit alone changes no
# source.
CHECKOUT = [
    "*",
    "!.git",
    # What changes without another commit, or is of no use to find it.
    ".git/*.lock",
    ".git/*_HEAD",
    ".git/COMMIT_EDITMSG",
    ".git/hooks",
    ".git/index",
    ".git/lfs",
    ".git/logs",
    ".git/rr-cache",
    ".git/worktrees",
    ".git/modules/**/hooks",
    ".git/modules/**/index",
    ".git/modules/**/lfs",
    ".git/modules/**/logs",
]

Env = Annotated[str, Doc("The environment: a name in pipeline.toml")]
Version = Annotated[str, Doc("The version, like 1.4.2")]
Checkout = Annotated[dagger.Directory, DefaultPath("/"), Ignore(CHECKOUT), Doc("The repository's commits")]
Key = Annotated[dagger.Secret | None, Doc("The OpenSSH private key to sign with, instead of --signing-key")]
Statement = Annotated[dagger.File | None, Doc("A statement that was signed elsewhere: see `statement`")]
Signature = Annotated[dagger.File | None, Doc("The statement's signature by `ssh-keygen -Y sign`")]


@object_type
class Ci:
    """The pipeline of the service that pipeline.toml describes."""

    source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(IGNORED), Doc("The repository")]
    docker: Annotated[dagger.Socket | None, Doc("The Docker daemon of `unix` targets")] = None
    ssh_key: Annotated[dagger.Secret | None, Doc("The private key for `ssh://` targets")] = None
    registry: Annotated[dagger.Service | None, Doc("A registry on this machine's loopback address")] = None
    registry_user: Annotated[str, Doc("The registry's user, where the registry needs a login")] = ""
    registry_password: Annotated[dagger.Secret | None, Doc("The registry user's password")] = None
    signing_key: Annotated[dagger.Secret | None, Doc("The OpenSSH private key that signs records")] = None
    ssh_agent: Annotated[dagger.Socket | None, Doc("The ssh-agent that signs instead, with --public-key's key")] = None
    public_key: Annotated[dagger.File | None, Doc("Which of the agent's keys signs")] = None
    github_token: Annotated[dagger.Secret | None, Doc("The token to read GitHub's approvals with")] = None
    github_run: Annotated[str, Doc("The number of the workflow run whose reviewers approved")] = ""
    build_agent: Annotated[bool, Doc("Build the agent's image here instead of pulling the pinned one")] = False
    overrides: Annotated[list[str], Doc("Settings that replace the file's: environments.dev.replicas=3")] = (
        dataclasses.field(default_factory=list)
    )

    # Checks and builds

    @function
    @check
    async def test(self) -> TestReport:
        """Run the service's unit tests against a real database."""
        settings = await self._project.settings()
        await check_paths(settings, self.source, [UNIT_TESTS])
        async with stage("test", where=step_location(settings)):
            return await TestReport.of(
                test.run_tests(settings, await self._project.service(settings)).directory(test.REPORTS)
            )

    @function
    @check
    async def lint(self) -> LintReport:
        """Run every linter that applies to the repository."""
        linted = await lint.lint(await self._project.settings(), self.source)
        return LintReport.of(linted.linters, [found.text for found in linted.findings])

    @function
    async def findings(self) -> Findings:
        """List the findings of tests and linters, also as GitHub's annotations."""
        found = await findings.collect_findings(await self._project.settings(), self.source)
        return Findings.of([one.text for one in found], [one.annotation for one in found])

    @function
    async def build(self) -> dagger.Container:
        """Build the service's image: non-root, the same bytes from the same sources."""
        settings = await self._project.settings()
        service = await self._project.service(settings)
        return await build.build_image(settings, build.image(settings, service, await build.dev_version(service)))

    @function
    async def sbom(self) -> dagger.File:
        """List the packages in the image, as a CycloneDX document."""
        settings = await self._project.settings()
        service = await self._project.service(settings)
        version = await build.dev_version(service)
        image = build.image(settings, service, version)
        text = await sbom.bill_of_materials(settings, service, image, version)
        return dag.file(f"{settings.app.name}.cdx.json", text)

    @uncached
    async def push(self, env: Env = "dev") -> str:
        """Push the service's image and return its address by digest."""
        agent = await self._project.agent()
        agent.settings.environment(env)
        service = await self._project.service(agent.settings)
        version = await build.dev_version(service)
        image = await build.build_image(agent.settings, build.image(agent.settings, service, version))
        return (await push.push_images(agent, env, {"image": push.TaggedImage(image, version)}))["image"]

    @uncached
    async def package(self, checkout: Checkout, version: Version = "", env: Env = "dev", key: Key = None) -> Packaged:
        """Test, lint, build, push and record a version, with its SBOM, once for all environments."""
        agent = await self._project.agent(key)
        made = await self._package(agent, Commits(checkout, required=True), version, env, deploys=False)
        if made.build is None:
            return Packaged.of(made.version, made.image, existing=True)
        recorded = await agent.run(r.RecordBuild(**made.build.model_dump()), responses.BuildRecorded)
        return Packaged.of(recorded.version, recorded.image, existing=recorded.existing)

    # Deliveries

    @uncached
    async def deploy(
        self,
        env: Env,
        checkout: Checkout,
        version: Version = "",
        override: Annotated[str, Doc("The reason to deploy in a freeze window, for people who may")] = "",
        keep_failed: Annotated[str, Doc("How long to keep a failed candidate, without traffic, like 30m")] = "",
        key: Key = None,
    ) -> Deployment:
        """Deploy a version: check policy, test a candidate, switch traffic, watch metrics. In dev, build it first."""
        try:
            kept = read_period(keep_failed)
        except ValueError as error:
            raise Refused(f"--keep-failed {error} (is {keep_failed})") from error
        agent, made = await self._project.agent(key), None
        if agent.settings.environment(env).kind == "dev":
            made = await self._package(agent, Commits(checkout, required=False), version, env, deploys=True)
            version = made.version
        elif not version:
            raise Refused(f"{env}: --version is required: only environments of the kind dev build (see `environments`)")
        request = r.Deliver(
            environment=env,
            version=version,
            override=override,
            keep_failed=kept,
            build=made.build if made else None,
            github_run=self.github_run,
        )
        return Deployment.of(await deliver(agent, request), made.warnings if made else ())

    @uncached
    async def rollback(
        self,
        env: Env,
        version: Version = "",
        force: Annotated[bool, Doc("Roll back although the database's migrations make it unsafe")] = False,
        key: Key = None,
    ) -> Deployment:
        """Go back to the previous release, or to VERSION, verified here before; a kept release needs only a switch."""
        request = r.Deliver(
            environment=env, action="rollback", version=version, force=force, github_run=self.github_run
        )
        return Deployment.of(await deliver(await self._project.agent(key), request))

    @uncached
    async def restore(self, env: Env, key: Key = None) -> Deployment:
        """Restore a lost environment from the ledger alone: deploy the digest that served last."""
        request = r.Deliver(environment=env, action="restore", github_run=self.github_run)
        return Deployment.of(await deliver(await self._project.agent(key), request))

    @uncached
    async def integration_test(self, env: Env) -> str:
        """Run the current release's integration or smoke tests, from the release's own test image."""
        tested = await (await self._project.agent()).run(r.RunTests(environment=env), responses.Tested)
        if not tested.ok:
            lines = render_tests(env, tested.command, tested.tests)
            raise StageFailed("\n".join([f"{env}: {tested.message}", "", *lines]))
        return tested.tests.output

    @uncached
    async def verify(self, env: Env) -> Verification:
        """Watch an environment's metrics over its verify window; the pipeline sends requests where users send few."""
        watched = await (await self._project.agent()).run(r.Verify(environment=env), responses.Verified)
        if not watched.ok:
            raise StageFailed(
                "\n".join([f"{env}: {watched.message}", *next_commands(alone=f"call verify --env {env}")])
            )
        verdict = watched.verdict
        summary = f"**{for_markdown(env)}**: {for_markdown(watched.message)}"
        return Verification(verdict=verdict.outcome, requests=verdict.requests, summary=summary)

    # Statements and locks

    @uncached
    async def approve(
        self,
        env: Env,
        version: Version,
        key: Key = None,
        note: Annotated[str, Doc("A note, which the ledger keeps")] = "",
        hours: Annotated[float, Doc("How long the approval counts; 0: as long as the environment allows")] = 0,
        statement: Statement = None,
        signature: Signature = None,
    ) -> str:
        """Approve a version in an environment, with a signature."""
        signed = await read_signed(statement, signature)
        request = r.Approve(
            environment=env, version=version, note=note, seconds=seconds_of(hours, or_zero=True), **signed
        )
        return await (await self._project.agent(key)).message(request)

    @uncached
    async def deny(
        self,
        env: Env,
        version: Version,
        reason: Annotated[str, Doc("The reason, which the ledger keeps")],
        key: Key = None,
        statement: Statement = None,
        signature: Signature = None,
    ) -> str:
        """Keep a version out of an environment until the denial is lifted."""
        signed = await read_signed(statement, signature)
        request = r.Deny(environment=env, version=version, reason=reason, **signed)
        return await (await self._project.agent(key)).message(request)

    @uncached
    async def lift(
        self,
        env: Env,
        version: Version,
        reason: Annotated[str, Doc("The reason, which the ledger keeps")],
        key: Key = None,
        statement: Statement = None,
        signature: Signature = None,
    ) -> str:
        """Lift the denials of a version in an environment."""
        signed = await read_signed(statement, signature)
        request = r.Lift(environment=env, version=version, reason=reason, **signed)
        return await (await self._project.agent(key)).message(request)

    @uncached
    async def statement(
        self,
        env: Env,
        version: Version,
        act: Annotated[str, Doc("approve, deny or lift")] = "approve",
        hours: Annotated[float, Doc("How long an approval counts; 0: as long as the environment allows")] = 0,
        reason: Annotated[str, Doc("The reason, for deny and lift")] = "",
    ) -> str:
        """Write the text that a person signs elsewhere with `ssh-keygen -Y sign -n slipway`, with any kind of key."""
        seconds = seconds_of(hours, or_zero=True)
        details = {"act": act, "environment": env, "version": version, "seconds": seconds, "reason": reason}
        request = r.WriteStatement.model_validate(details)
        return (await (await self._project.agent()).run(request, responses.Text)).text

    @uncached
    async def lock(
        self,
        env: Env,
        reason: Annotated[str, Doc("The reason, which refused deliveries print")],
        by: Annotated[str, Doc("Who locks the environment")] = "somebody",
        hours: Annotated[float, Doc("After how many hours the lock expires")] = 24,
    ) -> str:
        """Lock an environment: nothing is deployed there until it is unlocked."""
        request = r.LockEnvironment(environment=env, by=by, reason=reason, seconds=seconds_of(hours))
        return await (await self._project.agent()).message(request)

    @uncached
    async def unlock(
        self, env: Env, force: Annotated[bool, Doc("Unlock although a live run holds the lock")] = False
    ) -> str:
        """Unlock an environment."""
        request = r.UnlockEnvironment(environment=env, force=force)
        return await (await self._project.agent()).message(request)

    # State and history

    @uncached
    async def status(self, env: Env) -> EnvironmentStatus:
        """Describe what an environment runs, since when, and how healthy it is."""
        return EnvironmentStatus.of(
            env, await (await self._project.agent()).run(r.ReadStatus(environment=env), responses.Status)
        )

    @uncached
    async def environments(self) -> Environments:
        """List the version that each environment runs, since when, and how healthy it is."""
        return Environments.of(
            await (await self._project.agent()).run(r.ReadEnvironments(), responses.EnvironmentsStatus)
        )

    @uncached
    async def history(
        self,
        env: Annotated[str, Doc("The environment; empty: all of them, and builds")] = "",
        limit: Annotated[int, Doc("How many of the newest records; 0: all")] = 50,
    ) -> History:
        """List the ledger's records, the newest first."""
        return History.of(await self._read(r.ReadLedger(view="history", environment=env, limit=limit)))

    @uncached
    async def release(self, version: Version) -> Release:
        """Describe a version: its build, the statements about it, and where it ran."""
        return Release.of(await self._read(r.ReadLedger(view="release", version=version)))

    @uncached
    async def report(self, env: Env, version: Version = "") -> DeployReport:
        """Report on an environment's latest delivery, also a failed one; and why policy refuses VERSION there now."""
        return DeployReport.of(env, await self._read(r.ReadLedger(view="report", environment=env, version=version)))

    @function
    async def settings(self, env: Env) -> EffectiveSettings:
        """Print an environment's effective settings, each with its source."""
        return EffectiveSettings.of(env, list_effective(await self._project.settings_text(), self.overrides, env))

    # Once for a repository or for an environment

    @uncached
    async def provision(self, env: Env) -> str:
        """Prepare an environment's hosts over ssh: Docker, the registry's CA, one swarm; only what is missing."""
        return await (await self._project.agent()).message(r.Provision(environment=env))

    @uncached
    async def pin_agent(
        self, env: Annotated[str, Doc("The environment whose target reaches a loopback registry")] = "dev"
    ) -> dagger.File:
        """Build the agent's image, push it, and return `agent.lock`, which pins the image: commit this file."""
        agent = await self._project.agent()
        image = push.TaggedImage(agent_image.build_agent(agent.settings), agent_image.agent_tag(agent.settings))
        pushed = (await push.push_images(agent, env, {"agent": image}))["agent"]
        return dag.file(agent_image.LOCK, agent_image.write_pin(agent.settings, pushed))

    @function
    def github(self) -> families.Github:
        """Record approvals from GitHub's environments, and set up the repository."""
        return families.Github(project=self._project)

    @function
    def secrets(self) -> families.Secrets:
        """Manage the service's secrets, which exist only on the target."""
        return families.Secrets(project=self._project)

    # For a laptop

    @function
    async def up(self) -> dagger.Service:
        """Run the service with a database of its own, for a laptop."""
        settings = await self._project.settings()
        return (await self.build()).with_(database.with_database(settings, "up")).as_service(use_entrypoint=True)

    @function
    async def shell(
        self, stage: Annotated[str, Doc("The stage: test, lint, build or toolchain")] = "test"
    ) -> dagger.Container:
        """Return a stage's container, for a terminal: `shell --stage test terminal`."""
        settings = await self._project.settings()
        return shells.container(settings, await self._project.service(settings), stage)

    @property
    def _project(self) -> Project:
        credentials = Credentials(
            docker=self.docker,
            ssh_key=self.ssh_key,
            registry=self.registry,
            registry_user=self.registry_user,
            registry_password=self.registry_password,
            signing_key=self.signing_key,
            ssh_agent=self.ssh_agent,
            public_key=self.public_key,
            github_token=self.github_token,
            github_run=self.github_run,
            build_agent=self.build_agent,
        )
        return Project(self.source, credentials, self.overrides)

    async def _package(self, agent: Agent, checkout: Commits, version: str, env: str, *, deploys: bool) -> Package:
        await check_paths(agent.settings, self.source, package_paths(agent.settings, env))
        checks = {"test": self.test, "lint": self.lint}
        return await package(agent, env, self.source, checkout, version, checks, deploys=deploys)

    async def _read(self, request: r.ReadLedger) -> responses.LedgerView:
        return await (await self._project.agent()).run(request, responses.LedgerView)
