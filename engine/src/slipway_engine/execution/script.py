"""The script that a step starts with where it has secret variables or redirections: it ends as the step's command."""

import shlex
from pathlib import Path

from slipway_engine.docker import tools
from slipway_engine.errors import UsageError
from slipway_engine.model.step import Exec, SecretVariable
from slipway_engine.store.secrets import Secrets

FOLDER = "/dev/.slipway-run"  # where the step sees it


def needs_script(step: Exec) -> bool:
    """Return whether a step has secret variables or redirections."""
    return bool(step.secrets or step.stdin or step.redirect_stdin or step.redirect_stdout or step.redirect_stderr)


def script_command(command: list[str]) -> list[str]:
    """Return the command that runs the script for a step's own command."""
    return [f"{tools.FOLDER}/busybox", "sh", f"{FOLDER}/run", *command]


async def write_script(secrets: Secrets, step: Exec, folder: Path) -> None:
    """Write the script, and the step's standard input, into a folder of the host."""
    lines = [f"export {variable.name}={await _quoted(secrets, variable)}" for variable in step.secrets]
    if step.stdin:
        (folder / "stdin").write_text(step.stdin)
        lines.append(f"exec <{FOLDER}/stdin")
    if step.redirect_stdin:
        lines.append(f"exec <{shlex.quote(step.redirect_stdin)}")
    if step.redirect_stdout:
        lines.append(f"exec >{shlex.quote(step.redirect_stdout)}")
    if step.redirect_stderr:
        lines.append(f"exec 2>{shlex.quote(step.redirect_stderr)}")
    # busybox would run its own applet for a bare name: look the command up in the image's PATH first.
    lines += [
        "name=$1; shift; found=$name; IFS=:",
        "case $name in */*) ;; *) for folder in $PATH; do",
        'if [ -x "$folder/$name" ] && [ ! -d "$folder/$name" ]; then found=$folder/$name; break; fi; done;; esac',
        "unset IFS",
        'case $found in */*) exec "$found" "$@";; esac',
        'echo "exec: \\"$name\\": executable file not found in \\$PATH" >&2; exit 1',
    ]
    script = folder / "run"
    script.write_text("\n".join(lines) + "\n", errors="surrogateescape")
    script.chmod(0o644)
    folder.chmod(0o755)  # the step's user reads it; the folder around it lets no other user of the host in
    if (folder / "stdin").exists():
        (folder / "stdin").chmod(0o644)


async def _quoted(secrets: Secrets, variable: SecretVariable) -> str:
    value = await secrets.value(variable.secret)
    if b"\0" in value:
        raise UsageError(
            f"the secret variable {variable.name}: its value has a zero byte, which no variable can hold: "
            "mount the secret as a file"
        )
    return shlex.quote(value.decode(errors="surrogateescape"))
