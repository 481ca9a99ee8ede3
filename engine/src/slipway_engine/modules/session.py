"""A loaded module: the engine, the module's source and types, and its processes."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slipway_engine.api.context import Call, CalledModule, Context
from slipway_engine.api.module import Module
from slipway_engine.engine import Engine
from slipway_engine.errors import EngineError
from slipway_engine.events import Span
from slipway_engine.model.node import Node, digest_of
from slipway_engine.modules.call import result_of
from slipway_engine.modules.defaults import Defaults
from slipway_engine.modules.source import ModuleSource, runtime

if TYPE_CHECKING:  # imported when they are used: neither is needed where everything is cached
    from slipway_engine.api.server import Endpoint
    from slipway_engine.modules.process import Runner


class Session:
    """A module loaded into an engine; processes and the API's server start when the first call needs them."""

    def __init__(self, engine: Engine, source: ModuleSource, runner: "Runner | None" = None) -> None:
        """Start with nothing loaded; a runner that is given is the caller's to close."""
        self.engine = engine
        self.source = source
        self.context = Context(engine)
        self.called_module = CalledModule(source.name, str(source.source), source.include)
        self.defaults = Defaults.find(source, engine.workdir)
        self.digest = digest_of([source.digest(engine.store), runtime()])
        self.results: dict[str, dict[str, Any]] = {}  # of this session's calls, by their keys
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # one for each call's key
        self.spans: dict[str, Span] = {}  # in which calls were made, by their keys
        self._stack = contextlib.AsyncExitStack()
        self._starting = asyncio.Lock()
        self._endpoint: Endpoint | None = None
        self._runner = runner
        self._module: Module | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, engine: Engine, source: ModuleSource, runner: "Runner | None" = None
    ) -> AsyncIterator["Session"]:
        """Open a session; when the block ends, its processes have ended too."""
        session = cls(engine, source, runner)
        async with session._stack:
            yield session

    @property
    def module(self) -> Module:
        """The module's types, once loaded."""
        if self._module is None:
            raise RuntimeError("the module is not loaded yet")
        return self._module

    def prepare(self) -> None:
        """Start importing the module in the background, since a function is likely to run."""
        from slipway_engine.modules.process import Runner  # noqa: PLC0415 - not needed where everything is cached

        if self._runner is None:
            self._runner = Runner(self.source)
            self._stack.callback(self._runner.close)

    async def load(self) -> Module:
        """Return the module's types: those remembered for its sources, or those that it registers now."""
        if self._module is None:
            self._module = self._load_remembered() or await self._register()
        return self._module

    async def run(self, call: Call) -> Any:
        """Run one call in a process of its own and return its result; a failure raises what the function raised."""
        async with self._starting:
            self.prepare()
            endpoint = await self._serve()
        assert self._runner is not None  # noqa: S101 - prepare() has made it
        with endpoint.admit(call) as environ:
            code = await self._runner.run(environ, self.engine.events.stream(call.span))
        return result_of(call, code)

    async def _serve(self) -> "Endpoint":
        from slipway_engine.api.server import listen  # noqa: PLC0415 - not needed where everything is cached

        if self._endpoint is None:
            self._endpoint = await self._stack.enter_async_context(listen(self.engine))
        return self._endpoint

    def _load_remembered(self) -> Module | None:
        known = self.engine.store.get_json("module", self.digest)
        if known is None:
            return None
        try:
            found = self.engine.values.load(known)
        except EngineError:
            return None
        return found if isinstance(found, Module) else None

    async def _register(self) -> Module:
        with self.engine.events.span(f"load module {self.source.name}") as span:
            call = Call(span, self.called_module)
            module_id = await self.run(call)
        found: Node = self.engine.values.load(module_id)
        if not isinstance(found, Module) or found.object(self.source.main_object) is None:
            raise EngineError(
                f"{self.source.root}: the module registers no object {self.source.main_object!r}: "
                "decorate the class with @dagger.object_type and name it as the module"
            )
        module = replace(found, name=self.source.name)
        self.engine.store.put_json("module", self.digest, self.engine.values.save(module))
        return module
