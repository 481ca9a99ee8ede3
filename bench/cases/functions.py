"""(d) The start-up time of every command."""

from collections.abc import Iterator

from bench.commands import CI, engine_cache, seconds
from bench.modules import module
from bench.table import Note, Row

CODE = '''
from dagger import function, object_type


@object_type
class Small:
    @function
    def hello(self, name: str) -> str:
        """Greet somebody."""
        return f"Hello, {name}!"
'''


def measure(runs: int) -> Iterator[Row | Note]:
    """List the pipeline's functions, and call a trivial one of another module, both with a warm cache."""
    with engine_cache() as env, module(CODE) as folder:
        listing = [seconds(CI, "functions", env=env) for _ in range(runs + 1)][1:]
        yield Row("d", "ci functions", listing, wanted="≤ 1 s")
        call = (CI, "call", "--quiet", "hello", "--name=you")
        cached = [seconds(*call, cwd=folder, env=env) for _ in range(runs + 1)][1:]
        yield Row("d", "ci call of a trivial cached function", cached, wanted="≤ 1.5 s")
