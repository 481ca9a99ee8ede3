"""The script that a step starts with: secret variables with any bytes that a variable can hold."""

import subprocess
from pathlib import Path

import pytest

from slipway_engine.errors import UsageError
from slipway_engine.execution.script import write_script
from slipway_engine.model.secret import Secret
from slipway_engine.model.step import Exec, SecretVariable
from slipway_engine.model.tree import NOTHING
from slipway_engine.store.database import Store
from slipway_engine.store.secrets import Secrets


def step(path: Path) -> Exec:
    return Exec(NOTHING.tree, (), secrets=(SecretVariable("TOKEN", Secret(uri=f"file:{path}")),))


async def test_bytes_reach_the_variable(tmp_path: Path) -> None:
    value = b"it's \xc3\x28 \xff $HOME\r\n`x`"
    (tmp_path / "token").write_bytes(value)
    await write_script(Secrets(Store(tmp_path)), step(tmp_path / "token"), tmp_path)
    shown = subprocess.run(["sh", tmp_path / "run", "printenv", "TOKEN"], capture_output=True, check=True)
    assert shown.stdout == value + b"\n"


async def test_zero_byte_is_refused_by_the_variable_s_name(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xfe\xed\0")
    with pytest.raises(UsageError, match=r"the secret variable TOKEN: .* zero byte.*: mount the secret as a file"):
        await write_script(Secrets(Store(tmp_path)), step(tmp_path / "token"), tmp_path)
