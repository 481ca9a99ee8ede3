"""A run of the pipeline as the outside world sees it: a row of calls, each of which can be the last one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from ci.ledger.errors import UnreachableError as RegistryUnreachableError
from ci.targets.errors import UnreachableError

# Seconds that each call takes.
LATENCY = 0.05
Observe = Callable[["Process", str, str], None]


class KilledError(BaseException):
    """The run's process is gone: nothing in it may catch this, and nothing that it does has an effect."""


@dataclass(frozen=True)
class Fault:
    """What happens to a run at one of its calls.

    `kill`: the process dies before the call. `lost`: the call does not arrive. `unanswered`: the call takes effect,
    and its answer is lost. `cut off`: neither this call nor a later one arrives.
    """

    kind: Literal["kill", "lost", "unanswered", "cut off"]
    # The number of the call, from 1.
    call: int


@dataclass(eq=False)
class Process:
    """One run, with its connections to a target and to the registry."""

    observe: Observe
    fault: Fault | None = None
    # Every call by its name, and how many of them arrived.
    calls: list[str] = field(default_factory=list)
    killed: bool = False
    # Whether the fault happened.
    struck: bool = False
    # The lock that the run took.
    token: str = ""

    def target(self, environment: str) -> Callable[[str], AbstractAsyncContextManager[None]]:
        """Return what surrounds each call to an environment's target."""
        return lambda name: self._surround(name, environment, UnreachableError)

    def registry(self, name: str) -> AbstractAsyncContextManager[None]:
        """Surround a call to the registry."""
        return self._surround(name, "", RegistryUnreachableError)

    @asynccontextmanager
    async def _surround(self, name: str, environment: str, unreachable: type[Exception]) -> AsyncIterator[None]:
        await asyncio.sleep(LATENCY)
        self.calls.append(name)
        strikes = self._strikes()
        if self.killed:
            raise KilledError
        if strikes in {"lost", "cut off"}:
            raise unreachable(f"{name}: the connection is lost")
        self.observe(self, environment, f"before {name}")
        yield
        self.observe(self, environment, name)
        if strikes == "unanswered":
            raise unreachable(f"{name}: the answer is lost")

    def _strikes(self) -> str:
        if self.fault is None:
            return ""
        count = len(self.calls)
        if count != self.fault.call and not (self.fault.kind == "cut off" and count > self.fault.call):
            return ""
        self.struck = True
        self.killed = self.killed or self.fault.kind == "kill"
        return self.fault.kind
