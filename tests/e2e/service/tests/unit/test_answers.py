from greeter.answers import GREETING, answer


def test_answer_greets() -> None:
    assert answer("/", "1") == (200, GREETING)


def test_answer_contains_the_version() -> None:
    assert answer("/version", "1") == (200, "1")


def test_unknown_path_has_no_answer() -> None:
    assert answer("/elsewhere", "1")[0] == 404
