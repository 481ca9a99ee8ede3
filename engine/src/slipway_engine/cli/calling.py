"""The work of `ci call`: a chain of functions, parsed, evaluated and printed."""

import shlex
import sys

from slipway_engine.cli import session
from slipway_engine.cli.help import step_help
from slipway_engine.cli.options import Options
from slipway_engine.cli.parser import Chain, Step, parse
from slipway_engine.cli.progress import Display
from slipway_engine.engine import Engine
from slipway_engine.modules.names import kebab
from slipway_engine.modules.process import Runner
from slipway_engine.modules.session import Session
from slipway_engine.modules.source import ModuleSource


def call_chain(options: Options, source: ModuleSource, runner: Runner | None, arguments: list[str]) -> int:
    """Call the functions that the arguments name, in the runner's process if there is one already."""

    async def work(engine: Engine, display: Display) -> int:
        async with Session.open(engine, source, runner) as opened:
            module = await opened.load()
            if not options.quiet:
                sys.stderr.writelines(f"{note}\n" for note in _unread_defaults(opened))
            chain = parse(module, opened.source.main_object, arguments)
            options.constructor = _flags_of(chain.steps[0])
            if chain.help or len(chain.steps) == 1:
                display.stop()
                sys.stdout.write(help_text(opened, chain))
                return 0
            opened.prepare()  # imports the module while the arguments are read
            await _call(opened, chain, display)
            return 0

    return session.run(options, work)


def help_text(opened: Session, chain: Chain) -> str:
    """Return the help of a chain's last function, with the defaults that .env gives."""
    step = chain.last
    known = (
        (arg.name, opened.defaults.get(step.owner.name, step.function.name, arg.name)) for arg in step.function.args
    )
    return step_help(step, opened.module, [(name, text) for name, text in known if text is not None])


def _flags_of(step: Step) -> list[str]:
    """Return a function's flags as they were typed."""
    return [f"--{kebab(name)}={shlex.quote(text)}" for name, texts in step.texts.items() for text in texts]


def _unread_defaults(opened: Session) -> list[str]:
    """Return a line for each default in a .env of the user's that the module does not read there."""
    main = opened.module.object(opened.source.main_object)
    names = [arg.name for arg in main.constructor.args] if main and main.constructor else []
    return opened.defaults.unread(names)


async def _call(opened: Session, chain: Chain, display: Display) -> None:
    from slipway_engine.cli.evaluate import evaluate  # noqa: PLC0415 - help does not need it
    from slipway_engine.cli.output import exports, show  # noqa: PLC0415 - as above

    export_to = chain.output if exports(chain.result_type, opened.module) else ""
    result = await evaluate(opened, chain, export_to)
    display.stop()
    show(opened.engine, opened.module, chain, result)
