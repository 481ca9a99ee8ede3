from greeter.answers import GREETING, answer


def test_greets() -> None:
    assert answer("/", "1") == (200, GREETING)


def test_tells_its_version() -> None:
    assert answer("/version", "1") == (200, "1")


def test_knows_nothing_else() -> None:
    assert answer("/elsewhere", "1")[0] == 404
