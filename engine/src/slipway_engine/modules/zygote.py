"""The process that functions are forked from: it imports the SDK and the module once, then waits for calls.

It runs on its own, isolated from the host's environment, and imports nothing of the engine. Each call is a process with
its own environment, folders and connection; what it runs is the SDK's own runner. A call arrives as one packet with
three things: a JSON object, the descriptor for the process's output, and the one for its fate ("pid N", "exit N").
"""

import array
import asyncio
import contextlib
import functools
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import FunctionType
from typing import Any, NoReturn

PACKET = 1 << 17


def main() -> None:
    """Serve calls until the command that started this process is gone."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    module = json.loads(sys.argv[2])
    sys.path[:0] = module["path"]
    _preload(module["entry_point"])
    gc.collect()
    gc.freeze()
    _serve(channel)


def _preload(entry_point: str) -> None:
    # If the module cannot be imported, the process of the call reports it with the SDK's own message.
    with contextlib.suppress(BaseException):
        with _type_checks_at_first_use():
            importlib.import_module("dagger.mod.cli")
        EntryPoint("main_object", entry_point, "dagger.mod").load()
        _share_converters()
        _import_what_connecting_needs()


@contextlib.contextmanager
def _type_checks_at_first_use() -> Iterator[None]:
    """While the SDK is imported, let it prepare a class for type checks only when the class is first used.

    The SDK has 71 such classes. To prepare all of them takes a quarter of a second, and a call uses a handful.
    """
    library: Any = importlib.import_module("beartype")
    beartype = library.beartype
    library.beartype = lambda **options: functools.partial(_prepare_at_first_use, beartype(**options))
    try:
        yield
    finally:
        library.beartype = beartype


def _prepare_at_first_use(prepare: Callable[[type], type], kind: type) -> type:
    methods = {name: value for name, value in vars(kind).items() if isinstance(value, FunctionType)}

    def stand_in(name: str, method: FunctionType) -> Callable[..., Any]:
        @functools.wraps(method)
        def first_use(*args: Any, **kwargs: Any) -> Any:
            if vars(kind)[name] is first_use:
                for each, original in methods.items():
                    setattr(kind, each, original)
                prepare(kind)
            return vars(kind)[name](*args, **kwargs)

        return first_use

    for name, method in methods.items():
        setattr(kind, name, stand_in(name, method))
    return kind


def _share_converters() -> None:
    """Let the SDK's client make a converter for each answer that it reads, not for each field that it selects.

    One takes half a millisecond to make, registering a module selects a thousand fields, and all of them write alike.
    """
    core: Any = importlib.import_module("dagger.client._core")
    make = core.make_converter
    shared = make(None)

    class Converter:
        def __init__(self, context: Any) -> None:
            self.context = context
            self.unstructure = shared.unstructure

        def structure(self, value: Any, kind: Any) -> Any:
            return make(self.context).structure(value, kind)

    core.make_converter = Converter


def _import_what_connecting_needs() -> None:
    # The SDK's libraries import these when a call connects; the process that calls are forked from has time for them.
    importlib.import_module("httpcore")
    importlib.import_module("anyio").run(asyncio.sleep, 0)


def _serve(channel: socket.socket) -> None:
    children: dict[int, int] = {}
    wakeup, waker = socket.socketpair()
    for end in (wakeup, waker):
        end.setblocking(False)  # noqa: FBT003 - it takes no keyword
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wakeup in ready:
                wakeup.recv(4096)
                _reap(children)
            if channel in ready and not _accept(channel, children):
                break
    # The command ends this process itself, unless it was killed.
    for pid in children:
        _kill(pid)
    shutil.rmtree(Path.cwd(), ignore_errors=True)


def _accept(channel: socket.socket, children: dict[int, int]) -> bool:
    packet, (output, fate) = _receive(channel)
    if not packet:
        return False
    pid = os.fork()
    if pid == 0:
        channel.close()
        os.close(fate)
        _call(json.loads(packet), output)
    os.close(output)
    os.write(fate, f"pid {pid}\n".encode())
    children[pid] = fate
    return True


def _receive(channel: socket.socket) -> tuple[bytes, tuple[int, int]]:
    packet, ancillary, _, _ = channel.recvmsg(PACKET, socket.CMSG_SPACE(2 * array.array("i").itemsize))
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return packet, (descriptors[0], descriptors[1]) if packet else (-1, -1)


def _reap(children: dict[int, int]) -> None:
    for pid in list(children):
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                fate = children.pop(pid)
                with contextlib.suppress(BrokenPipeError):
                    os.write(fate, f"exit {os.waitstatus_to_exitcode(status)}\n".encode())
                os.close(fate)
                _kill(pid)  # what it left behind in its process group


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _call(call: dict[str, Any], output: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        os.closerange(3, output + 64)
        os.environ.clear()
        os.environ.update(call["env"])
        os.chdir(call["workdir"])
        gc.unfreeze()
        from dagger.mod.cli import app  # noqa: PLC0415 - the SDK's own entry point, as its runtime calls it

        code = app() or 0
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - nothing above this process could report the error
        # The SDK reports what the module raises. This is the SDK's own failure, whose stack explains nothing to users.
        sys.stderr.writelines(traceback.format_exception_only(error))
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
