"""Secret: where values come from, and that they stay hidden."""

import base64
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import dagger
import pytest
from dagger import dag

C = dagger.Container
MASK = "***"


async def test_set_secret(unique: Callable[[], str]) -> None:
    secret = dag.set_secret("token", value := unique())
    assert await secret.plaintext() == value
    assert await secret.name() == "token"


async def test_secret_variable_is_masked_in_the_output(base: C, unique: Callable[[], str]) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("t", value := unique()))
    shown = container.with_exec(["sh", "-c", 'echo "is $TOKEN"; echo "err $TOKEN" >&2; echo ${#TOKEN}'])
    assert await shown.stdout() == f"is {MASK}\n{len(value)}\n"
    assert await shown.stderr() == f"err {MASK}\n"


async def test_mounted_secret(base: C, unique: Callable[[], str]) -> None:
    secret = dag.set_secret("t", value := unique())
    container = base.with_mounted_secret("/run/token", secret, owner="1000:1001", mode=0o440)
    shown = container.with_exec(["sh", "-c", "stat -c '%a %u:%g' /run/token; wc -c < /run/token; cat /run/token"])
    assert await shown.stdout() == f"440 1000:1001\n{len(value)}\n{MASK}"


async def test_mounted_secret_is_read_only_for_the_owner_by_default(base: C, unique: Callable[[], str]) -> None:
    container = base.with_mounted_secret("/token", dag.set_secret("t", unique()))
    assert await container.with_exec(["stat", "-c", "%a %u", "/token"]).stdout() == "400 0\n"


async def test_secrets_stay_out_of_the_image(base: C, unique: Callable[[], str], tmp_path: Path) -> None:
    secret = dag.set_secret("t", value := unique())
    image = base.with_secret_variable("TOKEN", secret).with_mounted_secret("/run/token", secret).with_exec(["env"])
    await image.as_tarball().export(str(tmp_path / "image.tar"))
    with tarfile.open(tmp_path / "image.tar") as archive:
        for member in archive:
            if (stream := archive.extractfile(member)) is not None:
                assert value.encode() not in stream.read()
    assert await image.without_secret_variable("TOKEN").with_exec(["sh", "-c", "echo [$TOKEN]"]).stdout() == "[]\n"
    assert await image.without_mount("/run/token").with_exec(["sh", "-c", "cat /run/token; true"]).stdout() == ""


async def test_secret_variable_is_no_environment_variable(base: C, unique: Callable[[], str]) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("t", unique()))
    assert await container.env_variable("TOKEN") is None


async def test_errors_are_masked(base: C, unique: Callable[[], str]) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("t", value := unique()))
    with pytest.raises(dagger.ExecError) as caught:
        await container.with_exec(["sh", "-c", "echo $TOKEN; echo $TOKEN >&2; exit 1"]).sync()
    assert caught.value.stdout.strip() == MASK
    assert caught.value.stderr.strip() == MASK
    assert value not in str(caught.value)


async def test_masked_in_the_middle_of_large_output(base: C, unique: Callable[[], str]) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("t", value := unique()))
    output = await container.with_exec(["sh", "-c", 'seq 1 20000; printf "x%sx" "$TOKEN"; seq 1 20000']).stdout()
    assert value not in output
    assert f"x{MASK}x" in output


async def test_multi_line_secret_is_masked(base: C, unique: Callable[[], str]) -> None:
    value = f"-----BEGIN {unique()}\n{unique()}\n{unique()} END-----"
    container = base.with_secret_variable("KEY", dag.set_secret("key", value))
    output = await container.with_exec(["sh", "-c", 'echo "$KEY"; echo done']).stdout()
    assert output.endswith("done\n")
    assert not any(line in output for line in value.splitlines())


async def test_programs_get_what_encodes_a_secret(base: C, unique: Callable[[], str]) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("t", value := unique()))
    output = await container.with_exec(["sh", "-c", 'printf %s "$TOKEN" | base64 -w 0']).stdout()
    assert output == base64.b64encode(value.encode()).decode()


async def test_only_a_step_that_holds_the_secret_is_masked(base: C, unique: Callable[[], str]) -> None:
    container = base.with_env_variable("N", unique())
    command = ["sh", "-c", "echo port: 8q17"]
    assert await container.with_exec(command).stdout() == "port: 8q17\n"
    assert await dag.set_secret("short", "q").plaintext() == "q"
    container = container.with_env_variable("N", unique())
    assert await container.with_exec(command).stdout() == "port: 8q17\n"
    holding = container.with_mounted_secret("/token", dag.set_secret("short", "q"))
    assert await holding.with_exec(command).stdout() == f"port: 8{MASK}17\n"


async def test_white_space_around_a_secret_is_masked_with_it(base: C, unique: Callable[[], str]) -> None:
    container = base.with_secret_variable("TOKEN", dag.set_secret("t", f"{unique()}\n\n"))
    assert await container.with_exec(["sh", "-c", 'printf "%s." "$TOKEN"; echo $TOKEN']).stdout() == f"{MASK}.{MASK}\n"


async def test_bytes_of_a_file_are_a_secret(base: C, tmp_path: Path, unique: Callable[[], str]) -> None:
    value = b"\xfe\xed\xfe\xed\0\0\0\2\r\n" + unique().encode() + b"\xff\0\n"
    (tmp_path / "keystore").write_bytes(value)
    container = base.with_mounted_secret("/keystore", dag.secret(f"file://{tmp_path}/keystore"))
    output = await container.with_exec(["sh", "-c", "sha256sum < /keystore; cat /keystore"]).stdout()
    assert output == f"{sha256(value).hexdigest()}  -\n{MASK}"


async def test_env_uri(unique: Callable[[], str]) -> None:
    # The dagger command has its own environment, so a variable that this process sets is not in it.
    assert await dag.secret("env://PATH").plaintext()
    with pytest.raises(dagger.QueryError, match="CON"):
        await dag.secret(f"env://CONTRACT_{unique()}").plaintext()


async def test_file_uri(tmp_path: Path, unique: Callable[[], str]) -> None:
    (tmp_path / "token").write_text(value := unique())
    assert await dag.secret(f"file://{tmp_path}/token").plaintext() == value
    with pytest.raises(dagger.QueryError, match="missing"):
        await dag.secret(f"file://{tmp_path}/missing").plaintext()


async def test_cmd_uri(unique: Callable[[], str]) -> None:
    assert await dag.secret(f"cmd://printf {(value := unique())}").plaintext() == value
    with pytest.raises(dagger.QueryError, match="exit 3"):
        await dag.secret("cmd://exit 3").plaintext()


async def test_uri_and_name(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    secret = dag.secret(f"file://{tmp_path}/token")
    assert await secret.uri() == f"file://{tmp_path}/token"


async def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(dagger.QueryError, match="nothing"):
        await dag.secret("nothing://x").plaintext()


async def test_secret_of_a_uri_is_masked_too(base: C, tmp_path: Path, unique: Callable[[], str]) -> None:
    (tmp_path / "token").write_text(value := unique())
    container = base.with_mounted_secret("/token", dag.secret(f"file://{tmp_path}/token"))
    output = await container.with_exec(["cat", "/token"]).stdout()
    assert output == MASK
    assert value not in output


async def test_a_new_value_under_the_same_name_is_used(base: C, unique: Callable[[], str]) -> None:
    for length in (5, 9):
        container = base.with_env_variable("N", str(length))
        container = container.with_secret_variable("TOKEN", dag.set_secret("same", unique()[:length]))
        assert await container.with_exec(["sh", "-c", "echo ${#TOKEN}"]).stdout() == f"{length}\n"
