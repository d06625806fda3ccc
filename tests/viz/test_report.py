"""The page of `moldiff report`: what stands in it, and how it behaves in a browser."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from typer.testing import CliRunner

import moldiff.runtime.optional
from moldiff.cli import app

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAUGHTY = "</script><img src=x onerror=alert(1)>"


def report(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory, sample_sdf: Path) -> Path:
    """Of 70 molecules of QM9, a broken record and one with a hostile name."""
    folder = tmp_path_factory.mktemp("page")
    records = sample_sdf.read_text().split("$$$$\n")[:70]
    records.append(f"{NAUGHTY}\n" + records[0].split("\n", 1)[1])
    broken = "broken\n  x\n\nnonsense\nM  END\n"
    (folder / "<i>a.sdf").write_text("$$$$\n".join([*records, broken, ""]))
    result = report(
        folder / "<i>a.sdf",
        "-o",
        folder / "<i>a.html",
        "--distances-to",
        sample_sdf,
        "--check",
        "mmff94",
        "--most-checked",
        20,
        "--protocol",
        "distance-bonds",
        "--chemistry",
        "moses",
        "--num-workers",
        1,
    )
    assert result.exit_code == 0, result.output
    return folder / "<i>a.html"


def test_page_tells_rates_counts_and_reasons(page_path):
    text = page_path.read_text()
    for shown in ("71/72", "unreadable", "by older protocols", "mmff94: energy, kcal/mol"):
        assert shown in text
    assert text.count(r"\u003csvg") == 71
    assert text.count("<svg") >= 5  # distributions and strain
    assert NAUGHTY not in text
    assert "<i>" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)  # of the name of the file


def test_page_shows_the_joint_rate_and_draws_unknown_ring_systems(page_path):
    text = page_path.read_text()
    assert "joint rate of 72 molecules requested" in text
    rings = text[text.index('<section id="rings">') :]
    assert rings[: rings.index("</section>")].count("<svg") == 10


def test_page_names_nothing_outside_itself(page_path):
    own = re.sub(r"<script>.*?</script>", "", page_path.read_text(), flags=re.DOTALL)
    links = {link for link in re.findall(r"""(?:src|href)=["']([^"'#]+)""", own) if not link.startswith("data:")}
    assert links == set()


def test_report_does_not_replace_a_page_unasked(page_path):
    before = page_path.read_bytes()
    result = report(page_path.with_suffix(".sdf"), "-o", page_path)
    assert result.exit_code == 1
    assert "give --overwrite" in result.stderr
    assert page_path.read_bytes() == before


def test_missing_package_is_named_before_any_work(tmp_path, monkeypatch, sample_sdf):
    monkeypatch.setattr(moldiff.runtime.optional, "find_spec", lambda name: None)
    result = report(sample_sdf, "-o", tmp_path / "a.html")
    assert result.exit_code == 1
    assert "pip install 'moldiff[report]'" in result.stderr


@pytest.mark.parametrize("text", ["CCO\nc1ccccc1\n", "C1\n"])
def test_page_is_written_without_coordinates_and_without_valid_molecules(tmp_path, text):
    (tmp_path / "a.smi").write_text(text)
    result = report(tmp_path / "a.smi", "-o", tmp_path / "a.html")
    assert result.exit_code == 0, result.output
    assert 'id="gallery"' in (tmp_path / "a.html").read_text()


@contextmanager
def browsing(path: Path) -> Iterator[tuple[Page, list[str]]]:
    """The page in a browser, and all that it complained of or requested."""
    if CHROMIUM is None:
        pytest.skip("needs a Chromium: apt-get install chromium")
    events: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        page = browser.new_page(accept_downloads=True)
        page.on("console", lambda message: events.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: events.append(str(error)))
        page.on("dialog", lambda dialog: (events.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: events.append(request.url))
        page.goto(path.as_uri())
        yield page, events
        browser.close()


def numbers(page: Page) -> list[int]:
    shown = page.eval_on_selector_all("#gallery .card", "cards => cards.map(card => card.dataset.number)")
    return [int(number) for number in shown]


def test_page_works_in_a_browser(page_path):
    with browsing(page_path) as (page, events):
        assert numbers(page) == list(range(1, 61))
        page.click("#more")
        assert numbers(page) == list(range(1, 73))

        page.select_option("#sort", "weight, g/mol")
        page.check("#descending")
        by_number = {entry["number"]: entry["figures"] for entry in page.evaluate("entries")}
        weights = [by_number[number]["weight, g/mol"] for number in numbers(page) if number < 72]
        assert weights == sorted(weights, reverse=True)
        assert weights[0] > weights[-1]

        page.select_option("#show", "unreadable")
        assert numbers(page) == [72]
        assert page.text_content("#count") == "1 of 72"
        page.select_option("#show", "")
        page.fill("#find", "onerror")
        assert numbers(page) == [71]
        page.fill("#find", "")

        page.click("#gallery .card >> nth=0")
        page.wait_for_selector("#scene canvas")
        before = page.evaluate("viewer.getView()")
        box = page.locator("#scene").bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 150, steps=4)
        page.mouse.up()
        assert page.evaluate("viewer.getView()")[4:] != before[4:]  # turned
        page.keyboard.press("ArrowRight")
        assert page.locator("#gallery .card.shown").get_attribute("data-number") == str(numbers(page)[1])

        with page.expect_download() as download:
            page.click("#download")
        assert Path(download.value.path()).read_text().count("$$$$") == 71
        assert [url for url in events if not url.startswith(("blob:", "data:"))] == [page_path.as_uri()]


def test_flat_page_shows_figures_without_a_viewer(tmp_path, sample_sdf):
    result = report(sample_sdf, "-o", tmp_path / "a.html", "--flat", "--gallery", 5)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.html").stat().st_size < 1e6
    with browsing(tmp_path / "a.html") as (page, events):
        page.click("#gallery .card >> nth=4")
        assert "QED" in (page.text_content("#about") or "")
        assert not page.is_visible("#scene")
        assert events == [(tmp_path / "a.html").as_uri()]
