"""Errors: a failing step is the client's ExecError, and everything else says what it is about."""

import dagger
import pytest
from dagger import dag

C = dagger.Container


async def test_failing_step(base: C) -> None:
    script = "echo out; echo err >&2; exit 42"
    with pytest.raises(dagger.ExecError) as caught:
        await base.with_exec(["sh", "-c", script]).sync()
    error = caught.value
    assert error.command == ["sh", "-c", script]
    assert error.exit_code == 42
    assert error.stdout.strip() == "out"
    assert error.stderr.strip() == "err"
    assert "exit code: 42" in error.message


@pytest.mark.parametrize("field", ["stdout", "stderr", "exit_code", "id"])
async def test_every_reader_of_a_failing_step_fails(base: C, field: str) -> None:
    failing = base.with_exec(["sh", "-c", "exit 5"])
    if field == "id":
        await failing.id()
    else:
        with pytest.raises(dagger.ExecError, match="exit code: 5"):
            await getattr(failing, field)()


async def test_steps_after_a_failing_one_do_not_run(base: C) -> None:
    with pytest.raises(dagger.ExecError) as caught:
        await base.with_exec(["false"]).with_exec(["echo", "later"]).stdout()
    assert caught.value.command == ["false"]


async def test_files_of_a_failing_step_fail(base: C) -> None:
    with pytest.raises(dagger.ExecError):
        await base.with_exec(["sh", "-c", "touch /x; exit 1"]).file("/x").contents()


async def test_unexpected_success(base: C) -> None:
    with pytest.raises(dagger.QueryError):
        await base.with_exec(["true"], expect=dagger.ReturnType.FAILURE).sync()


async def test_command_that_is_not_there(base: C) -> None:
    with pytest.raises(dagger.ExecError) as caught:
        await base.with_exec(["no-such-command"]).sync()
    assert caught.value.exit_code == 1
    assert 'exec: "no-such-command": executable file not found in $PATH' in caught.value.stderr


async def test_exec_without_arguments(base: C) -> None:
    with pytest.raises(dagger.QueryError):
        await base.without_default_args().without_entrypoint().with_exec([]).sync()


async def test_killed_step(base: C) -> None:
    with pytest.raises(dagger.ExecError) as caught:
        await base.with_exec(["sh", "-c", "sleep 60 & kill -9 $!; wait $!"]).sync()
    assert caught.value.exit_code == 137


@pytest.mark.parametrize(("code", "accepted"), [(127, True), (128, False), (191, False), (192, True), (255, True)])
async def test_exit_codes_of_signals_are_never_expected(base: C, *, code: int, accepted: bool) -> None:
    step = base.with_exec(["sh", "-c", f"exit {code}"], expect=dagger.ReturnType.ANY)
    if accepted:
        assert await step.exit_code() == code
    else:
        with pytest.raises(dagger.ExecError, match=f"exit code: {code}"):
            await step.exit_code()


async def test_a_failing_step_is_not_cached_as_a_success(base: C) -> None:
    failing = base.with_exec(["sh", "-c", "exit 6"])
    for _ in range(2):
        with pytest.raises(dagger.ExecError, match="exit code: 6"):
            await failing.sync()


async def test_missing_file_in_a_container(base: C) -> None:
    with pytest.raises(dagger.QueryError, match="no such file or directory"):
        await base.file("/missing").contents()


async def test_missing_image() -> None:
    with pytest.raises(dagger.QueryError, match="localhost:5000/contract/missing"):
        await dag.container().from_("localhost:5000/contract/missing:1").sync()


async def test_invalid_image_reference() -> None:
    with pytest.raises(dagger.QueryError, match="invalid reference format"):
        await dag.container().from_("UPPER/case:!").sync()


async def test_publish_to_a_registry_that_is_not_there(base: C) -> None:
    with pytest.raises(dagger.QueryError, match=r"localhost:9|127\.0\.0\.1:9"):
        await base.publish("localhost:9/contract/x:1")


async def test_container_with_error(base: C) -> None:
    with pytest.raises(dagger.QueryError, match="it went wrong"):
        await base.with_error("it went wrong").sync()


async def test_missing_user(base: C) -> None:
    with pytest.raises(dagger.QueryError, match="nobody-here"):
        await base.with_user("nobody-here").with_exec(["true"]).sync()
