"""A Swarm stack as a delivery's target."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ci.targets.access import Access, reach
from ci.targets.daemon import Daemon
from ci.targets.stack import RegistryLogin, Stack
from ci.targets.swarm import edge, intent, lock, metrics, preflight, releases, secrets, specs, state, tests
from ci.targets.swarm import names as n
from ci.targets.swarm.helper import HelperContainer, close_helper, open_helper, remove_left_helpers
from ci.targets.swarm.images import ensure_image, pin_image
from ci.targets.swarm.names import Names
from ci.targets.swarm.owners import check_owner
from ci.targets.swarm.services import services
from ci.targets.swarm.shared import SharedParts, prepare_shared_parts
from ci.targets.target import (
    Candidate,
    Check,
    Health,
    Intent,
    Lock,
    Metrics,
    ReleaseDescription,
    Retired,
    SecretState,
    TargetState,
    TestResult,
    TestRun,
)


class SwarmTarget:
    """One environment's stack on a swarm; implements ci.targets.target.Target."""

    def __init__(self, daemon: Daemon, stack: Stack, login: RegistryLogin) -> None:
        """Use a connected daemon; see `connect`."""
        self.daemon, self.stack, self.login = daemon, stack, login
        self._names = Names(stack)
        self._opening = asyncio.Lock()
        self._helper: HelperContainer | None = None
        self._parts: SharedParts | None = None
        self._locked = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, stack: Stack, access: Access | None = None, login: RegistryLogin | None = None
    ) -> AsyncIterator["SwarmTarget"]:
        """Connect to the environment's swarm; in the end its helper container is removed.

        Raises:
            UnreachableError: No manager of the environment answers.
        """
        async with reach(stack.environment, access or Access()) as daemon:
            target = cls(daemon, stack, login or RegistryLogin())
            try:
                yield target
            finally:
                if target._helper:
                    await close_helper(daemon, target._helper)

    # Lock

    async def acquire_lock(self, wanted: Lock) -> str:
        """Acquire the lock; see Target."""
        await check_owner(self.daemon, self._names)
        earlier = await lock.acquire_lock(self.daemon, self._names, self.stack.name, wanted)
        self._locked = True
        await remove_left_helpers(self.daemon, self.stack)
        return earlier

    async def renew_lock(self, token: str) -> None:
        """Renew the lock; see Target."""
        await lock.renew_lock(self.daemon, self._names, token)

    async def release_lock(self, token: str = "", *, force: bool = False) -> Lock | None:
        """Release the lock; see Target."""
        await check_owner(self.daemon, self._names)
        return await lock.release_lock(self.daemon, self._names, self.stack.name, token, force=force)

    # Intent

    async def write_intent(self, wanted: Intent) -> None:
        """Store the intent; see Target."""
        await intent.write_intent(self.daemon, self._names, wanted)

    async def clear_intent(self) -> None:
        """Remove the intent; see Target."""
        await intent.clear_intent(self.daemon, self._names)

    # Preflight

    async def check(self, image: str) -> tuple[Check, ...]:
        """Look whether a delivery can work; see Target."""
        return await preflight.check_target(self.daemon, self.stack, self.login, image)

    # Candidate

    async def prepare_candidate(self, wanted: ReleaseDescription) -> Candidate:
        """Make the shared parts and name the release; see Target."""
        spec = await self._spec(wanted)
        release = self._names.short(spec["Name"])
        return Candidate(release, exists=release in await services(self.daemon, self._names))

    async def start_release(self, wanted: ReleaseDescription) -> Health:
        """Start a release beside the current one; see Target."""
        spec = await self._spec(wanted)
        # At the same time: the readiness check and the switch need the helper container.
        health, _ = await asyncio.gather(
            releases.start_release(self.daemon, self.stack, self.login, self._open_helper, spec), self._open_helper()
        )
        return health

    async def check_health(self, release: str) -> Health:
        """Look whether a release is healthy; see Target."""
        return await releases.check_health(self.daemon, self.stack, self._open_helper, release)

    async def remove_release(self, release: str) -> None:
        """Remove a release; see Target."""
        await releases.remove_release(self.daemon, self._names, release)

    async def examine_release(self, release: str) -> Health:
        """Say what is seen of a release; see Target."""
        return await releases.examine_release(self.daemon, self.stack, self._open_helper, release)

    async def keep_release(self, release: str, seconds: float) -> None:
        """Keep a release for some time; see Target."""
        await releases.keep_release(self.daemon, self._names, release, seconds)

    # Tests

    async def run_tests(self, run: TestRun, release: str = "") -> TestResult:
        """Run tests against a release; see Target."""
        return await tests.run_tests(self.daemon, self.stack, self.login, run, release)

    def shell_beside(self, release: str, image: str) -> str:
        """Return the command for a shell beside a release; see Target."""
        return tests.shell_beside(self.stack, image, release)

    # Route

    async def route(self, release: str) -> None:
        """Route all users to a release; see Target."""
        await edge.route(self.daemon, self.stack, await self._open_helper(), release)

    async def read_routes(self) -> frozenset[str]:
        """Return the releases that the edge routes to; see Target."""
        return await edge.read_routes(self.daemon, self._names, await self._open_helper())

    async def record_routing(self, *, current: str, previous: str, stable: str) -> None:
        """Store the routing; see Target."""
        await edge.record_routing(self.daemon, self._names, current=current, previous=previous, stable=stable)

    async def probe(self, release: str) -> str:
        """Send requests through the edge as a user does; see Target."""
        return await edge.probe(self.daemon, self.stack, await self._open_helper(), release)

    # Metrics

    async def read_metrics(self) -> Metrics:
        """Read the edge's counters; see Target."""
        return await metrics.read_metrics(self.daemon, self._names, await self._open_helper())

    async def send_traffic(self, seconds: float) -> int:
        """Send requests through the edge; see Target."""
        return await metrics.send_traffic(self.daemon, self.stack, await self._open_helper(), seconds)

    # Retire

    async def retire(self) -> Retired:
        """Remove the releases that are no longer kept; see Target."""
        return await releases.retire(self.daemon, self.stack)

    # State

    async def read_state(self) -> TargetState:
        """Describe what exists; see Target."""
        await check_owner(self.daemon, self._names)
        return await state.read_state(self.daemon, self.stack, self._open_helper)

    # Secrets

    async def set_secret(self, name: str, value: bytes) -> int:
        """Give a secret a new value; see Target."""
        await check_owner(self.daemon, self._names)
        return await secrets.set_secret(self.daemon, self.stack, name, value)

    async def list_secrets(self) -> tuple[SecretState, ...]:
        """List the secrets; see Target."""
        await check_owner(self.daemon, self._names)
        return await secrets.list_secrets(self.daemon, self.stack)

    async def _spec(self, wanted: ReleaseDescription) -> specs.Spec:
        if self._parts is None:
            self._parts = await prepare_shared_parts(self.daemon, self.stack, self.login)
        stack = self.stack
        if wanted.features is not None:
            environment = stack.environment.model_copy(update={"features": wanted.features})
            stack = stack.model_copy(update={"environment": environment})
        return specs.release(stack, wanted.image, wanted.version, self._parts.secrets)

    async def _open_helper(self) -> HelperContainer:
        async with self._opening:
            if self._helper is None:
                image = await self._helper_image()
                self._helper = await open_helper(self.daemon, self.stack, image, locked=self._locked)
            return self._helper

    async def _helper_image(self) -> str:
        """Return the running edge's image, which needs no registry where this node has it, else the settings' one."""
        edge_service = (await services(self.daemon, self._names)).get(n.EDGE)
        if edge_service is None:
            return await pin_image(self.daemon, self.stack, self.stack.images.caddy, self.login)
        image = str(edge_service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        await ensure_image(self.daemon, image, self.login)
        return image
