"""Users, who ask a service one thing after another while something else happens to it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx

# Asks once, and says what came.
Question = Callable[[], str]
PAUSE = 0.02  # seconds between a user's questions


@contextmanager
def users(*questions: Question, pause: float = PAUSE) -> Iterator[Counter[str]]:
    """Let each question be asked over and over while the body runs; what came is counted."""
    seen: Counter[str] = Counter()
    over = threading.Event()

    def user(question: Question) -> None:
        while not over.wait(pause):
            seen[question()] += 1

    threads = [threading.Thread(target=user, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def browsers(address: str, header: str, paths: tuple[str, ...]) -> Iterator[Counter[str]]:
    """Let a browser ask for each path; what came is counted by status and by what a header says."""
    with ExitStack() as clients:

        def asking(path: str) -> Question:
            client = clients.enter_context(httpx.Client(base_url=address, timeout=10))
            return lambda: _answer(client, path, header)

        with users(*map(asking, paths)) as seen:
            yield seen


def _answer(client: httpx.Client, path: str, header: str) -> str:
    try:
        said = client.get(path)
    except httpx.HTTPError as error:
        return repr(error)
    return f"{said.status_code} {said.headers.get(header, '')}".strip()
