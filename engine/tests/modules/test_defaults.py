from pathlib import Path

from slipway_engine.modules.defaults import Defaults
from slipway_engine.modules.source import ModuleSource


def _defaults(root: Path, inner: str = "", outer: str = "") -> Defaults:
    module = root / "project" / "module"
    module.mkdir(parents=True)
    (module / "dagger.json").write_text('{"name": "my-ci", "sdk": "python"}')
    if inner:
        (module / ".env").write_text(inner)
    if outer:
        (root / "project" / ".env").write_text(outer)
    return Defaults.find(ModuleSource.find("module", root / "project"), root / "project")


def test_the_constructor_s_arguments_have_no_prefix(tmp_path: Path) -> None:
    defaults = _defaults(tmp_path, inner="DOCKER=/run/docker.sock\nsshKey=file:///key\n")
    assert defaults.get("MyCi", "", "docker") == "/run/docker.sock"
    assert defaults.get("MyCi", "", "ssh_key") == "file:///key"


def test_a_function_s_arguments_bear_its_name(tmp_path: Path) -> None:
    defaults = _defaults(tmp_path, inner="DEPLOY_ENV=dev\nintegration_test_env=dev\nINTEGRATIONTEST_URL=x\n")
    assert defaults.get("MyCi", "deploy", "env") == "dev"
    assert defaults.get("MyCi", "integration_test", "env") == "dev"
    assert defaults.get("MyCi", "integration_test", "url") == "x"
    assert defaults.get("MyCi", "build", "env") is None


def test_other_objects_bear_their_names(tmp_path: Path) -> None:
    defaults = _defaults(tmp_path, inner="REPORT_SHOW_DEPTH=3\n")
    assert defaults.get("Report", "show", "depth") == "3"
    assert defaults.get("MyCi", "show", "depth") is None


def test_a_file_above_bears_the_module_s_name_and_wins(tmp_path: Path) -> None:
    defaults = _defaults(tmp_path, inner="GREETING=inner\n", outer="MYCI_GREETING=outer\nGREETING=ignored\n")
    assert defaults.get("MyCi", "", "greeting") == "outer"


def test_quotes_and_expansion(tmp_path: Path) -> None:
    defaults = _defaults(tmp_path, inner='export A="two words"\nB=${A}!\n')
    assert defaults.get("MyCi", "", "a") == "two words"
    assert defaults.get("MyCi", "", "b") == "two words!"
