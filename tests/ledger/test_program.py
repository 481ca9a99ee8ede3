"""The program as its step runs it: JSON in, one line of JSON out."""

import json
import subprocess
import sys

from ci.ledger import protocol as p
from tests.ledger.desk import DIGEST, Desk


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ci.ledger"], input=text, capture_output=True, text=True, check=False)


def test_it_answers_a_request(desk: Desk) -> None:
    image = f"{desk.settings.registry.repository}@{DIGEST}"
    request = desk.request(p.RecordBuild, "author", version="1.0", image=image, inputs="one")
    done = run(request.model_dump_json())
    assert (done.returncode, done.stderr) == (0, "")
    outcome = p.read_outcome(done.stdout)
    assert isinstance(outcome, p.Recorded)
    assert (outcome.image, outcome.existing) == (image, False)


def test_bad_news_is_an_outcome(desk: Desk) -> None:
    done = run(desk.request(p.Read, view="report", environment="nowhere").model_dump_json())
    outcome = p.read_outcome(done.stdout)
    assert (done.returncode, outcome.ok) == (0, False)
    assert "environments.nowhere: no such environment; there are dev, acceptance, production" in outcome.message


def test_what_is_no_request_is_a_crash() -> None:
    done = run(json.dumps({"ask": "something"}))
    assert done.returncode == 1
    assert "something" in done.stderr
