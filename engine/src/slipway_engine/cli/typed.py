"""The next commands below an error, with the flags in them that people had typed."""

import re
import shlex

from slipway_engine.cli.options import Options

# A command at the end of a line of its own, as in `  run it alone:    ci call test`. Others may be for another person.
COMMAND = re.compile(r"^(?P<label> +[\w ]+: +)ci (?P<command>call(?: -i)?|check)\b(?P<rest>.*)$", re.MULTILINE)


def with_typed(text: str, options: Options) -> str:
    """Return a text whose next commands name the module and the constructor's flags that this command was given."""
    module = f"-m {shlex.quote(options.module)} " if options.module else ""

    def complete(match: re.Match[str]) -> str:
        command, rest = match["command"], match["rest"]
        # What the module names itself, such as its overrides, is not said twice.
        named = set(re.findall(r"--[\w-]+", rest))
        given = [flag for flag in options.constructor if flag.partition("=")[0] not in named]
        flags = "".join(f" {flag}" for flag in given) if command.startswith("call") else ""
        return f"{match['label']}ci {module}{command}{flags}{rest}"

    return COMMAND.sub(complete, text) if module or options.constructor else text
