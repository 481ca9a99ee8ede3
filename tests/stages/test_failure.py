"""The story of a failed step, and what stays with the error for the engine."""

import gql
import pytest
from dagger import ExecError, QueryError
from dagger._exceptions import QueryErrorValue

from ci.stages.errors import Refused, StageFailed, StepFailed
from ci.stages.failure import as_stage, next_commands, stage

REQUEST = gql.gql("{ container { id } }")
OTHER = "(on a Dagger engine: `dagger` for `ci`)"


def exec_error(*command: str, exit_code: int = 3, stderr: str = "", origin: str = "") -> ExecError:
    details = {"_type": "EXEC_ERROR", "cmd": list(command), "exitCode": exit_code, "stdout": "", "stderr": stderr}
    message = f'process "{" ".join(command)}" did not complete successfully: exit code: {exit_code}{origin}'
    error = QueryError([QueryErrorValue(message, extensions=details)], REQUEST)
    assert isinstance(error, ExecError)
    return error


def query_error(message: str) -> QueryError:
    return QueryError([QueryErrorValue(message)], REQUEST)


async def fail(error: Exception, call: str = "test", **details: str) -> StepFailed:
    with pytest.raises(StepFailed) as caught:
        async with stage(call, **details):
            raise error
    return caught.value


async def test_failed_step_has_a_story() -> None:
    failed = await fail(exec_error("sh", "-c", "exit 3"), where="here", name="a part of it")
    assert str(failed).splitlines() == [
        "a part of it failed: exit code 3",
        "  what ran:        sh -c 'exit 3'",
        "  where:           here",
        "  to get into it:  ci call -i test",
        "  to run just it:  ci call test",
        f"                   {OTHER}",
    ]


async def test_long_command_is_one_line() -> None:
    story = str(await fail(exec_error("sh", "-c", "echo\n" * 99))).splitlines()
    assert story[1].startswith("  what ran:        sh -c 'echo echo")
    assert story[1].endswith("…")
    assert len(story[1]) < 120


async def test_known_cause_gives_its_advice_once() -> None:
    failed = await fail(exec_error("x", stderr="OSError: [Errno 28] No space left on device"))
    assert str(failed).splitlines()[-1].startswith("→ the disk is full")
    failed = await fail(query_error("no space left on device\n→ the engine's own advice"))
    assert str(failed).count("→") == 1


async def test_story_of_a_killed_step_names_the_memory_of_the_machine() -> None:
    assert "GiB of its machine" in str(await fail(exec_error("x", exit_code=137)))


async def test_failure_of_the_engine_has_a_story_too() -> None:
    story = str(await fail(query_error("lookup nowhere.invalid: no such host"), "push --env dev")).splitlines()
    assert story[0] == "push --env dev failed: lookup nowhere.invalid: no such host"
    assert story[1] == "  to run just it:  ci call push --env dev"
    assert "-i" not in "".join(story[1:3])
    assert story[-1].startswith("→ nowhere.invalid cannot be resolved")


async def test_details_of_the_engine_stay_with_the_error() -> None:
    failed = await fail(exec_error("x", origin=" [traceparent:0123456789abcdef0123456789abcdef-0123456789abcdef]"))
    # So the SDK hands them on, and a Dagger engine knows where it began.
    assert isinstance(failed, QueryError)
    assert isinstance(failed, StageFailed)
    assert failed.error.extensions["cmd"] == ["x"]
    assert str(failed).count("[traceparent:") == 1
    assert str(failed).endswith("-0123456789abcdef]")


async def test_story_began_in_its_function_too(monkeypatch: pytest.MonkeyPatch) -> None:
    trace, step, function = "0123456789abcdef" * 2, "0123456789abcdef", "fedcba9876543210"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{function}-01")
    failed = await fail(exec_error("x", origin=f" [traceparent:{trace}-{step}]"))
    # A Dagger engine's terminal shows no error of which it has shown all origins.
    assert str(failed).endswith(f"\n[traceparent:{trace}-{step}] [traceparent:{trace}-{function}]")
    assert "traceparent" not in str(await fail(exec_error("x")))


async def test_innermost_stage_names_the_failure() -> None:
    with pytest.raises(StepFailed, match=r"^inner failed"):
        async with stage("outer"), stage("inner"):
            raise exec_error("x")


async def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError, match=r"^mine$"):
        async with stage("test"):
            raise ValueError("mine")


class Pipeline:
    overrides = ("app.port=1",)

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    @as_stage
    async def integration_test(self, env: str, note: str = "", *, force: bool = False, key: object = None) -> None:
        raise self.error or ValueError((env, note, force, key))

    @as_stage
    async def whole(self) -> None:
        await self.integration_test("dev")


async def test_function_is_a_stage_with_its_arguments() -> None:
    with pytest.raises(StepFailed) as caught:
        await Pipeline(exec_error("x")).integration_test("dev", note="two words", force=True, key=object())
    just = "integration-test --env dev --note 'two words' --force --key …"
    story = str(caught.value)
    assert story.startswith(f"{just} failed: exit code 3")
    assert f"ci call --overrides app.port=1 {just}\n" in story
    assert f"ci call -i --overrides app.port=1 {just}\n" in story


async def test_story_of_the_engine_s_refusal_does_not_repeat_the_command() -> None:
    with pytest.raises(StepFailed) as caught:
        await Pipeline(query_error("it cannot")).integration_test("dev")
    assert str(caught.value) == "integration-test --env dev failed: it cannot"


async def test_function_inside_another_is_the_stage() -> None:
    with pytest.raises(StepFailed, match=r"^integration-test --env dev failed"):
        await Pipeline(exec_error("x")).whole()


def test_no_call_gives_no_line_to_type() -> None:
    assert next_commands() == []
    assert next_commands(just="call x") == ["  to run just it:  ci call x", f"                   {OTHER}"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("see `ci call history`", f"see `ci call history`\n{OTHER}"),
        (f"see `ci call history`\n{OTHER}", f"see `ci call history`\n{OTHER}"),
        ("nothing to type", "nothing to type"),
    ],
)
def test_refusal_with_a_command_names_both_commands(message: str, shown: str) -> None:
    assert str(Refused(message)) == shown
