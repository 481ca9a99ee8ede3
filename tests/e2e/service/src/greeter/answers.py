"""What the service answers."""

GREETING = "hello"


def answer(path: str, version: str) -> tuple[int, str]:
    """Return the status and the text for a path."""
    known = {"/": GREETING, "/healthz": "fine", "/version": version}
    return (200, known[path]) if path in known else (404, "nothing is here")
