"""Include, exclude and .gitignore patterns."""

import pytest

from slipway_engine.files.patterns import GitIgnore, Rules, glob_matches, matches


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("a.txt", "a.txt", True),
        ("a.txt", "sub/a.txt", False),
        ("**/a.txt", "sub/deep/a.txt", True),
        ("**/a.txt", "a.txt", True),
        ("sub", "sub/deep/a.txt", True),
        ("sub/", "sub/a.txt", True),
        ("sub*", "subway/a.txt", True),
        ("*.txt", "a.txt", True),
        ("*.txt", "sub/a.txt", False),
        ("s?b", "sub", True),
        ("[ab].txt", "b.txt", True),
        ("**", "any/thing", True),
        ("./a.txt", "a.txt", True),
        ("sub/../a.txt", "a.txt", True),
        ("a+b", "a+b", True),
        ("a+b", "aab", False),
    ],
)
def test_pattern_covers_a_folder_and_its_contents(pattern: str, path: str, covered: bool) -> None:  # noqa: FBT001 - a table's column
    assert matches([pattern], path) is covered


def test_the_last_pattern_decides() -> None:
    assert not matches(["*.md", "!README.md"], "README.md")
    assert matches(["*.md", "!README.md", "README*"], "README.md")


def test_a_folder_that_holds_nothing_wanted_is_not_walked() -> None:
    rules = Rules(include=("src/**/*.py", "docs"), exclude=("**/node_modules",))
    assert rules.prunes("tests")
    assert rules.prunes("src/node_modules")
    assert not rules.prunes("src/deep")
    assert not rules.prunes("docs/deep")


def test_an_exclusion_that_is_taken_back_keeps_its_folder_walked() -> None:
    rules = Rules(exclude=("build", "!build/keep"))
    assert not rules.prunes("build")
    assert rules.prunes("build/other")
    assert not Rules(exclude=("*", "!**/keep")).prunes("other")
    assert rules.allows("build/keep", is_dir=False)
    assert not rules.allows("build/other", is_dir=False)


def test_nearest_gitignore_decides() -> None:
    ignore = GitIgnore.of({"": "*.log\n", "keep": "!*.log\n"})
    assert ignore.matches("a.log", is_dir=False)
    assert ignore.matches("sub/a.log", is_dir=False)
    assert not ignore.matches("keep/a.log", is_dir=False)
    assert not ignore.matches("a.txt", is_dir=False)


def test_glob_matches_paths_and_not_their_contents() -> None:
    assert glob_matches("sub", "sub")
    assert not glob_matches("sub", "sub/a.txt")
    assert glob_matches("**/*.txt", "sub/a.txt")
