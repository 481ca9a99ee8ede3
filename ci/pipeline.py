"""The functions that people call: each says the steps, the stages take them."""

import dataclasses
from functools import partial
from typing import Annotated, Any

import dagger
from dagger import DefaultPath, Doc, Ignore, dag

from ci.ledger import protocol as ledgers
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
    Secrets,
    TestReport,
    Verification,
)
from ci.settings import FILE, Settings
from ci.settings.explained import explained
from ci.stages import build, database, findings, lint, prove, push, sbom, shells, test
from ci.stages.credentials import Credentials
from ci.stages.deliver import Wanted, deliver
from ci.stages.environments import states
from ci.stages.errors import Refused, StageFailed
from ci.stages.failing import stage, to_type
from ci.stages.ledger import Ledger, named
from ci.stages.package import Package, package
from ci.stages.target import MOUNTED, Target
from ci.stages.toolchain import place
from ci.stages.version import identify, version_of
from ci.targets import protocol as targets
from ci.typed import check, function, live, object_type

# What no stage reads; a folder that is not uploaded costs nothing.
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
# What says which commit is checked out, and nothing else; apart from the sources, which a commit does not change.
CHECKOUT = [
    "*",
    "!.git/HEAD",
    "!.git/config",
    "!.git/objects",
    "!.git/packed-refs",
    "!.git/refs",
    "!.git/shallow",
]

Env = Annotated[str, Doc("The environment: a name in pipeline.toml")]
Version = Annotated[str, Doc("The version, like 1.4.2")]
Checkout = Annotated[dagger.Directory, DefaultPath("/"), Ignore(CHECKOUT), Doc("The repository's commits")]
Key = Annotated[dagger.Secret | None, Doc("The OpenSSH private key to sign with, instead of --signing-key")]
Statement = Annotated[dagger.File | None, Doc("A statement that was signed elsewhere: see `statement`")]
Signature = Annotated[dagger.File | None, Doc("What `ssh-keygen -Y sign` made of the statement")]


@object_type
class Ci:
    """The pipeline of the service that pipeline.toml describes."""

    source: Annotated[dagger.Directory, DefaultPath("/"), Ignore(IGNORED), Doc("The repository")]
    docker: Annotated[dagger.Socket | None, Doc("The Docker daemon of `unix` targets")] = None
    ssh_key: Annotated[dagger.Secret | None, Doc("The private key for `ssh://` targets")] = None
    registry: Annotated[dagger.Service | None, Doc("A registry on this machine's loopback address")] = None
    registry_user: Annotated[str, Doc("The user of a registry that asks for one")] = ""
    registry_password: Annotated[dagger.Secret | None, Doc("That user's password")] = None
    signing_key: Annotated[dagger.Secret | None, Doc("The OpenSSH private key that signs what is recorded")] = None
    ssh_agent: Annotated[dagger.Socket | None, Doc("The agent that signs instead, with --public-key's key")] = None
    public_key: Annotated[dagger.File | None, Doc("Which of the agent's keys signs")] = None
    github_token: Annotated[dagger.Secret | None, Doc("What GitHub is asked with who approved there")] = None
    github_run: Annotated[str, Doc("The number of the workflow's run whose reviewers approved")] = ""
    overrides: Annotated[list[str], Doc("Settings over the file's: environments.dev.replicas=3")] = dataclasses.field(
        default_factory=list
    )

    # What a change must pass, and what is made of it

    @function
    @check
    async def test(self) -> TestReport:
        """Run the service's unit tests against a real database."""
        settings = await self._settings()
        async with stage("test", where=place(settings)):
            return await TestReport.of(test.tested(settings, self._service(settings)).directory(test.REPORTS))

    @function
    @check
    async def lint(self) -> LintReport:
        """Run every linter that finds something to look at."""
        return LintReport.of(await lint.lint(await self._settings(), self.source))

    @function
    async def findings(self) -> Findings:
        """Tell which lines the tests and the linters complain about; as GitHub annotates them, too."""
        found = await findings.complaints(await self._settings(), self.source)
        return Findings.of([one.text for one in found], [one.annotation for one in found])

    @function
    async def build(self) -> dagger.Container:
        """Build the service's image: non-root, and the same bytes from the same sources."""
        settings = await self._settings()
        service = self._service(settings)
        return await build.built(settings, build.image(settings, service, await version_of(service)))

    @function
    async def sbom(self) -> dagger.File:
        """List what is in the image, as a CycloneDX document."""
        settings = await self._settings()
        service = self._service(settings)
        version = await version_of(service)
        image = build.image(settings, service, version)
        text = await sbom.bill_of_materials(settings, service, image, version)
        return dag.file(f"{settings.app.name}.cdx.json", text)

    @live
    async def push(self, env: Env = "dev") -> str:
        """Push the image and return its address by digest; a loopback registry is reached through ENV's target."""
        settings = await self._settings()
        settings.environment(env)
        service = self._service(settings)
        version = await version_of(service)
        return await push.push(settings, self._credentials, build.image(settings, service, version), env, version)

    @live
    async def package(self, checkout: Checkout, version: Version = "", env: Env = "dev", key: Key = None) -> Packaged:
        """Test, lint, build, list, push and record a version: everything before an environment, once for ever."""
        made = await self._package(await self._ledger(key), checkout, version, env)
        return Packaged.of(made.version, made.image, existing=made.existing)

    # Going to an environment, and back

    @live
    async def deploy(
        self,
        env: Env,
        checkout: Checkout,
        version: Version = "",
        override: Annotated[str, Doc("Why a freeze does not hold this deploy, for those who may")] = "",
        key: Key = None,
    ) -> Deployment:
        """Take a version to an environment: let in, proved, switched to and verified; dev builds it first."""
        ledger = await self._ledger(key)
        if ledger.settings.environment(env).kind == "dev":
            version = (await self._package(ledger, checkout, version, env)).version
        elif not version:
            raise Refused(
                f"{env}: nothing is built on the way there: say which version, `--version V` (see `environments`)"
            )
        return await self._deliver(ledger, env, Wanted("deploy", version, override))

    @live
    async def rollback(
        self,
        env: Env,
        version: Version = "",
        force: Annotated[bool, Doc("Although the database's migrations make it unsafe")] = False,
        key: Key = None,
    ) -> Deployment:
        """Go back to the release before, or to one that ran there well; while it is kept, only the edge is switched."""
        return await self._deliver(await self._ledger(key), env, Wanted("rollback", version, force=force))

    @live
    async def restore(self, env: Env, key: Key = None) -> Deployment:
        """Bring an environment back that was lost, by the ledger alone: what served there last, by digest."""
        return await self._deliver(await self._ledger(key), env, Wanted("restore", ""))

    @live
    async def integration_test(self, env: Env) -> str:
        """Run the environment's proof, integration or smoke tests, against what serves it now."""
        target = await self._target(env)
        proved = await prove.prove(target, self._service(target.settings))
        return proved.output

    @live
    async def verify(self, env: Env) -> Verification:
        """Watch the environment's metrics for its window, with traffic of our own where there is none."""
        watched = await (await self._target(env)).ask(targets.Watch, targets.Watched)
        if not watched.ok:
            raise StageFailed("\n".join([f"{env}: {watched.message}", *to_type(just=f"call verify --env {env}")]))
        verdict = watched.verdict
        return Verification(outcome=verdict.outcome, requests=verdict.requests, summary=f"**{env}**: {watched.message}")

    # Who may, and who said so

    @live
    async def approve(
        self,
        env: Env,
        version: Version,
        key: Key = None,
        note: Annotated[str, Doc("What others should know of it")] = "",
        hours: Annotated[float, Doc("How long it counts; 0: as long as the environment allows")] = 0,
        statement: Statement = None,
        signature: Signature = None,
    ) -> str:
        """Approve of a version in an environment, with a signature that says so."""
        word = await _word(statement, signature)
        return await self._said(ledgers.Approve, env, version, key, note=note, seconds=hours * 3600, **word)

    @live
    async def approve_from_github(
        self,
        env: Env,
        version: Version,
        run: Annotated[str, Doc("The number of the workflow's run, instead of --github-run")] = "",
    ) -> str:
        """Record who approved of a version by opening its environment for a run on GitHub."""
        ledger = (await self._ledger()).asking_github(self.github_token, run or self.github_run)
        return (
            await ledger.ask(ledgers.ApproveFromGithub, ledgers.GithubRead, environment=env, version=version)
        ).message

    @live
    async def deny(
        self,
        env: Env,
        version: Version,
        reason: Annotated[str, Doc("Why; it stands in the ledger")],
        key: Key = None,
        statement: Statement = None,
        signature: Signature = None,
    ) -> str:
        """Keep a version out of an environment until that is lifted."""
        return await self._said(ledgers.Deny, env, version, key, reason=reason, **await _word(statement, signature))

    @live
    async def lift(
        self,
        env: Env,
        version: Version,
        reason: Annotated[str, Doc("Why; it stands in the ledger")],
        key: Key = None,
        statement: Statement = None,
        signature: Signature = None,
    ) -> str:
        """Take the denials of a version in an environment back."""
        return await self._said(ledgers.Lift, env, version, key, reason=reason, **await _word(statement, signature))

    @live
    async def statement(
        self,
        env: Env,
        version: Version,
        act: Annotated[str, Doc("approve, deny or lift")] = "approve",
        hours: Annotated[float, Doc("How long an approval counts; 0: as long as the environment allows")] = 0,
        reason: Annotated[str, Doc("Why, for deny and lift")] = "",
    ) -> str:
        """Write the text that somebody signs elsewhere with `ssh-keygen -Y sign -n slipway`, on a key of any kind."""
        details = {"act": act, "environment": env, "version": version, "seconds": hours * 3600, "reason": reason}
        return (await (await self._ledger()).ask(ledgers.StatementOf, ledgers.Text, **details)).text

    @live
    async def lock(
        self,
        env: Env,
        reason: Annotated[str, Doc("Why; whoever is kept out reads it")],
        by: Annotated[str, Doc("Who locks it")] = "somebody",
        hours: Annotated[float, Doc("How long it holds by itself")] = 24,
    ) -> str:
        """Freeze an environment: nothing is deployed there until it is unlocked."""
        target = await self._target(env)
        asked = target.ask(targets.Lock, targets.Locked, holder=by, reason=reason, seconds=hours * 3600)
        return (await asked).message

    @live
    async def unlock(
        self, env: Env, force: Annotated[bool, Doc("Although a run that lives holds the lock")] = False
    ) -> str:
        """Open an environment's lock."""
        return (await (await self._target(env)).ask(targets.Unlock, targets.Unlocked, force=force)).message

    # What is, and what was

    @live
    async def status(self, env: Env) -> EnvironmentStatus:
        """Tell what an environment runs, since when, and how healthy it is."""
        return EnvironmentStatus.of(env, await (await self._target(env)).ask(targets.State, targets.Described))

    @live
    async def environments(self) -> Environments:
        """Tell which version runs where, since when, and how healthy."""
        ledger = await self._ledger()
        viewed = await ledger.ask(ledgers.Read, ledgers.Viewed, view="environments")
        return Environments.of(viewed, await states(ledger.settings, self._credentials))

    @live
    async def history(
        self,
        env: Annotated[str, Doc("The environment; empty: all of them, and builds")] = "",
        limit: Annotated[int, Doc("How many of the newest records; 0: all")] = 50,
    ) -> History:
        """Tell what happened, the newest first."""
        return History.of(await self._read("history", environment=env, limit=limit))

    @live
    async def release(self, version: Version) -> Release:
        """Tell a version's whole story: its build, who said what about it, and where it ran."""
        return Release.of(await self._read("release", version=version))

    @live
    async def report(self, env: Env, version: Version = "") -> DeployReport:
        """Report on an environment's latest deploy, also on one that failed; and why VERSION may not go there now."""
        return DeployReport.of(env, await self._read("report", environment=env, version=version))

    @function
    async def settings(self, env: Env) -> EffectiveSettings:
        """Print an environment's effective settings, each with where it comes from."""
        return EffectiveSettings.of(env, explained(await self._file(), self.overrides, env))

    # Once for a repository or for an environment

    @live
    async def provision(self, env: Env) -> str:
        """Make the environment's hosts ready over ssh: Docker, the registry's CA, one swarm; what is there stays."""
        target = await self._target(env)
        settings = target.settings
        hosts = settings.environment(env).hosts
        if not hosts:
            raise Refused(
                f"{FILE}: environments.{env}.hosts: names no machine: add one, like hosts.one = {{address = …}}"
            )
        certificates = await named(self.source, settings.registry.ca, "registry.ca")
        done = await target.ask(targets.Provision, targets.Provisioned, hosts=hosts, registry_ca=certificates)
        return "\n".join(f"{step.host}: {step.message}" for step in done.steps)

    @live
    async def bootstrap_github(
        self,
        token: Annotated[
            dagger.Secret | None, Doc("May administer the repository; without it, nothing is changed")
        ] = None,
    ) -> str:
        """Set GitHub's environments, reviewers and branch protection up as pipeline.toml says, or print how."""
        ledger = (await self._ledger()).asking_github(token)
        return (await ledger.ask(ledgers.BootstrapGithub, ledgers.Planned)).message

    # Secrets of the service

    @live
    async def secrets_set(self, env: Env, name: str, value: dagger.Secret) -> str:
        """Put a secret's value into an environment's target; releases read it from the next deploy on."""
        target = await self._target(env)
        asked = target.ask(targets.PutSecret, targets.SecretPut, mounted_secret=value, name=name, value_file=MOUNTED)
        return (await asked).message

    @live
    async def secrets_rotate(self, env: Env, name: str, value: dagger.Secret, key: Key = None) -> Deployment:
        """Give a secret a new value and release what serves again with it."""
        ledger = await self._ledger(key)
        serving = await ledger.serving(env)
        await self.secrets_set(env, name, value)
        return await self._deliver(ledger, env, Wanted("restore", serving))

    @live
    async def secrets_list(self, env: Env) -> Secrets:
        """List an environment's secrets, and which releases read which of their values; never a value."""
        return Secrets.of(env, await (await self._target(env)).ask(targets.ListSecrets, targets.SecretsListed))

    # For a laptop

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
        return shells.container(settings, self._service(settings), stage)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(
            self.docker,
            self.ssh_key,
            self.registry,
            self.registry_user,
            self.registry_password,
            self.signing_key,
            self.ssh_agent,
            self.public_key,
            self.github_token,
            self.github_run,
        )

    async def _settings(self) -> Settings:
        return Settings.parse(await self._file(), self.overrides)

    async def _file(self) -> str:
        if not await self.source.exists(FILE):
            raise Refused(f"{FILE}: there is none at the repository's root: copy the one of the pipeline and change it")
        return await self.source.file(FILE).contents()

    def _service(self, settings: Settings) -> dagger.Directory:
        return self.source.directory(settings.app.path)

    async def _ledger(self, key: dagger.Secret | None = None) -> Ledger:
        ledger = await Ledger.of(await self._settings(), self._credentials, self.source)
        return ledger.signed_by(key)

    async def _target(self, env: str) -> Target:
        return Target(await self._settings(), env, self._credentials)

    async def _package(self, ledger: Ledger, checkout: dagger.Directory, version: str, env: str) -> Package:
        settings = ledger.settings
        settings.environment(env)
        identified = partial(identify, settings, self.source, checkout, version)
        return await package(ledger, env, self._service(settings), identified, {"test": self.test, "lint": self.lint})

    async def _deliver(self, ledger: Ledger, env: str, wanted: Wanted) -> Deployment:
        target = Target(ledger.settings, env, self._credentials)
        done = await deliver(ledger, target, self._service(ledger.settings), wanted)
        return Deployment.of(env, done.admitted, done.deployed)

    async def _said(
        self,
        kind: type[ledgers.Spoken],
        env: str,
        version: str,
        key: dagger.Secret | None,
        **details: Any,  # noqa: ANN401 - the request's other fields
    ) -> str:
        ledger = await self._ledger(key)
        return (await ledger.ask(kind, ledgers.Recorded, environment=env, version=version, **details)).message

    async def _read(self, view: str, **details: Any) -> ledgers.Viewed:  # noqa: ANN401 - the request's other fields
        return await (await self._ledger()).ask(ledgers.Read, ledgers.Viewed, view=view, **details)


async def _word(statement: dagger.File | None, signature: dagger.File | None) -> dict[str, str]:
    """Read a statement and its signature that were made elsewhere."""
    if (statement is None) != (signature is None):
        raise Refused("--statement and --signature belong together: the text, and what ssh-keygen made of it")
    if statement is None or signature is None:
        return {}
    return {"statement": await statement.contents(), "signature": await signature.contents()}
