"""What happens on this machine's Docker while a test does something."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Events:
    """What happened on this machine's Docker, a line each: type, action, ID, attributes."""

    lines: list[str] = field(default_factory=list)

    def having(self, *parts: str) -> list[str]:
        """Return the events that hold all of these texts."""
        return [line for line in self.lines if all(part in line for part in parts)]


@contextmanager
def docker_events() -> Iterator[Events]:
    """Keep the events of this machine's Docker that happen while the body runs."""
    form = "{{.Type}} {{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}}"
    # Read as they come: the daemon remembers but a few.
    kinds = [f"--filter=event={action}" for action in ("pull", "create", "remove")]
    command = ["docker", "events", f"--since={time.time():.3f}", f"--format={form}", *kinds]
    events = Events()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield events
            # The last ones are on their way.
            time.sleep(1)
        finally:
            process.terminate()
            events.lines = process.communicate()[0].splitlines()
