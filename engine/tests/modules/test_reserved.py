"""What a Dagger engine refuses to load is refused here, too."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(sys.executable).with_name("ci")
SAMPLE = Path(__file__).parent / "samples" / "kinds"
MODULE = """
import dagger


@dagger.object_type
class Kinds:
    {member}
"""
MEMBERS = {
    "field": "id: str = dagger.field(default='')",
    "function": "@dagger.function\n    def id(self) -> str:\n        return ''",
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_no_member_of_an_object_is_called_id(tmp_path: Path, kind: str) -> None:
    shutil.copytree(SAMPLE, tmp_path / "module", ignore=shutil.ignore_patterns("__pycache__"))
    (source,) = (tmp_path / "module" / "src").rglob("main.py")
    source.write_text(MODULE.format(member=MEMBERS[kind]))
    ran = subprocess.run([CI, "functions"], cwd=tmp_path / "module", capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert f"cannot define {kind} with reserved name 'id'" in ran.stderr
