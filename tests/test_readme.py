"""The README's tables are what the code says."""

from scripts import readme

MARKERS = "<!-- functions -->\nOUTDATED\n<!-- end -->\n<!-- settings -->\n<!-- end -->\n"


def test_readme_is_what_the_script_writes() -> None:
    text = readme.README.read_text()
    assert readme.render(text) == text, "the README's tables are old: type `make docs`"


def test_render_writes_between_the_markers() -> None:
    text = readme.render(f"before\n{MARKERS}after\n")
    assert text.startswith("before\n<!-- functions -->\n\n| function")
    assert text.endswith("|\n\n<!-- end -->\nafter\n")
    assert "OUTDATED" not in text


def test_every_function_has_a_description() -> None:
    functions = [one for one in readme.list_functions() if one.returns]
    assert [one.name for one in functions if not one.description] == []
    names = {one.name for one in functions}
    assert {"deploy", "pin-agent", "secrets set", "secrets list", "github bootstrap"} <= names


def test_every_setting_has_a_description() -> None:
    settings = [*readme.list_service_settings(), *readme.list_environment_settings()]
    assert [one.path for one in settings if not one.meaning] == []


def test_defaults_of_the_kinds_are_side_by_side() -> None:
    settings = {one.path: one.defaults for one in readme.list_environment_settings()}
    assert settings["replicas"] == ("`2`", "`2`", "`3`")
    assert settings["verify.window"] == ("`5`", "`30`", "`120`")
    assert settings["kind"] == ("required", "required", "required")
    assert settings["freezes[].from"] == ("", "", "")
