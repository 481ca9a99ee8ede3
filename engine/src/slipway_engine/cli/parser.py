"""The parser for a chain of functions with their flags: `[--flag …] FUNCTION [--flag …] [FUNCTION …]`."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from slipway_engine.api.module import Module
from slipway_engine.api.typedef import Function, FunctionArg, TypeDef
from slipway_engine.cli.providers import Provider, provider_of
from slipway_engine.errors import UsageError
from slipway_engine.modules.names import kebab
from slipway_engine.modules.values import is_supported, primitive, split


@dataclass
class Step:
    """One function of the chain, called on the previous function's result, and the texts for its arguments."""

    owner: Provider
    function: Function
    path: str  # as it was typed, for messages
    texts: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Chain:
    """A command line whose names are all known."""

    steps: list[Step]
    json: bool = False
    output: str = ""
    help: bool = False

    @property
    def last(self) -> Step:
        """The step that returns the result."""
        return self.steps[-1]

    @property
    def result_type(self) -> TypeDef:
        """The type of the result: a list where a step before the last one returns a list."""
        result = self.last.function.return_type
        for step in reversed(self.steps[:-1]):
            if step.function.return_type.kind == "LIST_KIND":
                result = TypeDef("LIST_KIND", element=result)
        return result


class ChainError(UsageError):
    """A command line with an unknown name, and the path of its help."""

    def __init__(self, message: str, path: str) -> None:
        """Keep the command up to the place of the error."""
        super().__init__(message)
        self.path = path


def parse(module: Module, main_object: str, arguments: list[str], command: str = "ci call") -> Chain:
    """Read a chain that starts at the module's constructor."""
    main = provider_of(module, TypeDef("OBJECT_KIND", main_object))
    if main is None or main.definition is None:
        raise UsageError(f"the module has no object {main_object}")
    constructor = main.definition.constructor or Function("", TypeDef("OBJECT_KIND", main_object))
    chain = Chain([Step(main, constructor, command)])
    rest = list(arguments)
    while True:
        rest = _flags(chain, rest, module)
        if not rest:
            break
        chain.steps.append(_next(chain.last, rest.pop(0), module))
    if not chain.help:
        for step in chain.steps:
            _check(step, module)
    return chain


def _next(step: Step, item: str, module: Module) -> Step:
    provider = provider_of(module, step.function.return_type)
    function = provider.find(item) if provider else None
    if provider is None:
        raise ChainError(f'unknown command "{item}" for "{step.path}": its result has no functions', step.path)
    if function is None:
        names = [kebab(known.name) for known in provider.functions]
        raise ChainError(f'unknown command "{item}" for "{step.path}"{_suggest(item, names)}', step.path)
    return Step(provider, function, f"{step.path} {kebab(function.name)}")


def _flags(chain: Chain, tokens: list[str], module: Module) -> list[str]:
    """Read the flags of the last step, and return the rest: the next function."""
    step = chain.last
    args = {kebab(arg.name): arg for arg in step.function.args if is_supported(arg.type_def, module)}
    queue = list(tokens)
    while queue and queue[0].startswith("-") and queue[0] != "-":
        item = queue.pop(0)
        if item == "--":
            break
        name, equals, text = item.partition("=")
        arg = args.get(kebab(name[2:])) if name.startswith("--") else None
        if arg is None:
            _common(chain, item, queue, args)
        elif equals:
            step.texts.setdefault(arg.name, []).append(text)
        elif arg.type_def.kind == "BOOLEAN_KIND":
            step.texts.setdefault(arg.name, []).append("true")
        else:
            step.texts.setdefault(arg.name, []).append(_argument(name, queue, step))
    return queue


def _common(chain: Chain, item: str, queue: list[str], args: Iterable[str]) -> None:
    name, equals, text = item.partition("=")
    match name:
        case "-h" | "--help":
            chain.help = True
        case "-j" | "--json":
            chain.json = text.lower() not in {"false", "0", "f"}
        case "-o" | "--output":
            chain.output = text if equals else _argument(name, queue, chain.last)
        case _ if name.startswith("-o") and not name.startswith("--"):
            chain.output = item[2:]
        case _:
            known = [*(f"--{arg}" for arg in args), "--json", "--output", "--help"]
            raise ChainError(f"unknown flag: {name}{_earlier(name, chain) or _suggest(name, known)}", chain.last.path)


def _argument(name: str, queue: list[str], step: Step) -> str:
    if not queue:
        raise ChainError(f"flag needs an argument: {name}", step.path)
    return queue.pop(0)


def _earlier(name: str, chain: Chain) -> str:
    """Return a hint if an earlier function has the flag, such as the constructor."""
    for before, step in zip(chain.steps, chain.steps[1:], strict=False):
        if name in {f"--{kebab(arg.name)}" for arg in before.function.args}:
            return f"\n\n{name} goes in front of {kebab(step.function.name)}."
    return ""


def _suggest(item: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(kebab(item) if not item.startswith("-") else item, list(known), n=3)
    return f"\n\nDid you mean this?\n{''.join(f'  {name}{chr(10)}' for name in close)}".rstrip() if close else ""


def _check(step: Step, module: Module) -> None:
    for arg in step.function.args:
        for text in step.texts.get(arg.name, []):
            _check_text(step, arg, text, module)


def _check_text(step: Step, arg: FunctionArg, text: str, module: Module) -> None:
    type_def = arg.type_def
    parts = [text]
    if type_def.kind == "LIST_KIND" and type_def.element is not None:
        parts, type_def = split(type_def, text), type_def.element
    if type_def.kind == "OBJECT_KIND":
        return
    for part in parts:
        try:
            primitive(type_def, part, module)
        except ValueError as error:
            raise ChainError(f'invalid argument "{part}" for "--{kebab(arg.name)}" flag: {error}', step.path) from error
