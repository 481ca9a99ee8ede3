"""Readiness: every replica is asked over the stack's network, and nothing is started in its container."""

from collections.abc import Sequence

from ci.targets.stack import Stack
from ci.targets.swarm import names as n
from ci.targets.swarm.helper import OpenHelper
from ci.targets.swarm.names import Names
from ci.targets.swarm.services import Service, Task, address_of

# Its arguments are URLs; each line of the output is the number of an argument and its problem, empty: it is ready.
SCRIPT = """
number=0
for url in "$@"; do
    { problem=$(wget -q -T 5 -O /dev/null "$url" 2>&1 | head -n 1); echo "$number $problem"; } &
    number=$((number + 1))
done
wait
"""


class ReadinessCheck:
    """Asks the replicas of a release at its own port and path."""

    def __init__(self, open_helper: OpenHelper, stack: Stack, service: Service) -> None:
        """Ask from a helper container; the release's service holds its port and path."""
        labels = service["Spec"]["Labels"]
        self.open_helper, self.network = open_helper, Names(stack).network
        # An earlier release may answer elsewhere than the settings say today.
        self.port = labels.get(n.PORT, str(stack.app.port))
        self.path = labels.get(n.HEALTH_PATH, stack.app.health_path)

    async def find_problems(self, tasks: Sequence[Task]) -> list[str]:
        """Ask each replica, and return what is wrong with each one; empty: it is ready."""
        found = [address_of(task, self.network) for task in tasks]
        urls = [f"http://{address}:{self.port}{self.path}" for address in found]
        if not urls:
            return []
        output = (await (await self.open_helper()).run(["sh", "-c", SCRIPT, "readiness", *urls])).output
        answers = {number: problem for number, _, problem in (line.partition(" ") for line in output.splitlines())}
        return [self._explain(url, answers.get(str(number), "no answer")) for number, url in enumerate(urls)]

    def _explain(self, url: str, answer: str) -> str:
        if not answer:
            return ""
        problem = f"readiness: {url}: {answer.removeprefix('wget: ').removeprefix('server returned error: ')}"
        if "refused" in answer:
            return f"{problem}: nothing listens there: let the service listen on 0.0.0.0:{self.port}, or set app.port"
        return f"{problem}: set app.health_path" if " 404 " in answer else problem
