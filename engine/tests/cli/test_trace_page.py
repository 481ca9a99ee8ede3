"""The page of `--trace`, looked at in headless Chromium."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import CI, SAMPLES

pytestmark = pytest.mark.full
CHROMIUM = shutil.which("chromium")
OWN_WIDTHS = """rows => rows.map(row => [...row.querySelectorAll(".own")].reduce(
    (sum, bar) => sum + bar.getBoundingClientRect().width, 0))"""
BAD = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Only `make test-full` installs it.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - as above

    assert CHROMIUM, "there is no chromium: scripts/setup/chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def trace(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a failed run's page."""
    path = tmp_path_factory.mktemp("trace") / "t.html"
    chain = ["with-exec", f"--args=echo,{BAD}", "with-exec", "--args=sh,-c,echo the last words; exit 7", "stdout"]
    command = [str(CI), "call", "--trace", str(path), "base", *chain]
    assert subprocess.run(command, cwd=SAMPLES / "steps", env=environ, check=False, timeout=120).returncode == 1
    return path.as_uri()


def test_the_page(browser: Any, trace: str) -> None:
    page, problems, requests = _open(browser, trace)
    assert re.fullmatch(r"Failed after \d+\.\ds", page.inner_text("#outcome"))
    assert page.title().startswith("ci call --trace ")
    assert page.inner_text("#failures li").startswith("sh -c echo the last words")
    _bars_are_there(page)
    _failure_is_marked(page)
    _filter_works(page)
    _keys_work(page)
    assert page.locator("img, iframe, link").count() == 0
    assert (problems, requests) == ([], [trace])


def test_both_colour_schemes_can_be_read(browser: Any, trace: str) -> None:
    backs = []
    for scheme in ("light", "dark"):
        page, problems, _ = _open(browser, trace, color_scheme=scheme)
        colours = page.evaluate(
            "(['#command', '.hint', '.failed .name', '#totals dt', 'a'].map(s => getComputedStyle("
            "document.querySelector(s)).color)).concat(getComputedStyle(document.body).backgroundColor)"
        )
        *texts, back = [_luminance(colour) for colour in colours]
        backs.append(back)
        assert all(_contrast(text, back) >= 4.5 for text in texts)
        assert problems == []
    light, dark = backs
    assert light > 0.9
    assert dark < 0.1


def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, trace: str) -> None:
    page, _, _ = _open(browser, trace, viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    row = page.locator("details.failed").last
    assert row.locator(".track").bounding_box()["width"] > 300
    assert row.locator(".name").bounding_box()["width"] > 200


def _open(browser: Any, address: str, **options: Any) -> tuple[Any, list[str], list[str]]:
    page, problems, requests = browser.new_context(**options).new_page(), [], []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    return page, problems, requests


def _bars_are_there(page: Any) -> None:
    rows = page.locator("details")
    tracks = page.locator("details .track").evaluate_all("found => found.map(t => t.getBoundingClientRect().toJSON())")
    bars = page.locator("details .whole").evaluate_all("found => found.map(b => b.getBoundingClientRect().toJSON())")
    assert rows.count() == len(tracks) == len(bars) >= 3
    for track, bar in zip(tracks, bars, strict=True):
        assert bar["width"] >= 2
        assert track["left"] - 1 <= bar["left"] < bar["right"] <= track["right"] + 3
    assert page.locator("#chain span").count() > 0
    assert "the last words" in page.inner_text("#reasons")


def _failure_is_marked(page: Any) -> None:
    row = page.locator("details.failed[open]")
    assert row.count() == 1  # the one that explains the others is open
    assert row.locator(".mark").inner_text() == "✘"
    assert "the last words" in row.inner_text()
    assert "exit code: 7" in row.inner_text()


def _filter_works(page: Any) -> None:
    everything = page.locator("details:visible").count()
    page.keyboard.press("/")
    page.keyboard.type("ONERROR img")
    assert page.locator("details:not(.aside):visible").count() == 1
    assert page.inner_text("#count") == f"1 of {everything} steps"
    page.locator("details:not(.aside):visible summary").click()
    assert BAD in page.locator("details:not(.aside) .more").inner_text()
    page.fill("#filter", "")
    page.get_by_role("button", name=re.compile("^failed")).click()
    assert page.locator("details:not(.aside):visible").count() == page.locator("details.failed").count()
    page.get_by_role("button", name=re.compile("^failed")).click()
    page.select_option("#order", "own")
    widths = page.locator("details").evaluate_all(OWN_WIDTHS)
    assert widths[0] == max(widths) > widths[-1]
    page.select_option("#order", "nested")
    assert page.locator("details:visible").count() == everything


def _keys_work(page: Any) -> None:
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details").first.get_attribute("open") == ""
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement === document.querySelectorAll('summary')[1]")
    page.locator("#reasons a").first.click()
    assert page.evaluate("document.activeElement.parentElement.id === location.hash.slice(1)")


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: float, other: float) -> float:
    """Return how well two colours are told apart; WCAG 2 asks for 4.5."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
