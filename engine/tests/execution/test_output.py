"""What a container prints: captured for programs, and logged for people."""

from pathlib import Path

from slipway_engine.events import Events
from slipway_engine.execution.output import Output
from slipway_engine.model.secret import Secret
from slipway_engine.store.database import Store
from slipway_engine.store.mask import MASK, Mask
from slipway_engine.store.secrets import Secrets


def test_line_of_one_stream_inside_a_line_of_the_other_hides_no_secret(tmp_path: Path) -> None:
    secrets = Secrets(Store(tmp_path))
    secrets.keep(Secret(name="password"), "hunter22")
    events = Events(secrets.shown, secrets.unfinished)
    with events.span("a step") as span:
        output = Output(events, span, Mask(()))
        for stream, data in ((1, b"it is hun"), (2, b"a warning\nand ano"), (1, b"ter22\n"), (2, b"ther")):
            output.add(stream, data)
        output.finish()
    assert list(span.tail) == ["a warning", f"it is {MASK}", "and another"]
    assert output.text("stdout") == "it is hunter22\n"


def test_programs_get_all_but_the_step_s_own_secrets() -> None:
    events = Events()
    with events.span("a step") as span:
        output = Output(events, span, Mask([b"hunter22"]))
        output.add(1, b"hunter22 aHVudGVyMjI= hun\x1b[1mter22")
    assert output.text("stdout") == f"{MASK} aHVudGVyMjI= hun\x1b[1mter22"
