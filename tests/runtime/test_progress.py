"""Progress: a bar on a terminal, elsewhere lines, of long work only."""

from io import StringIO

import pytest
from rich.console import Console

from moldiff.runtime.progress import EVERY, FIRST, Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines(seconds: float, *, total: int | None = 1000, counts: int = 100, note: str | None = None) -> list[str]:
    """What work says that counts in equal steps for so long."""
    console, clock = Console(file=StringIO(), width=40), Clock()
    with Progress("reading x.sdf", total=total, unit="records", console=console, clock=clock) as progress:
        for _ in range(counts):
            clock.now += seconds / counts
            progress.advance(1000 // counts, note=note)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_short_work_says_nothing_without_a_terminal():
    assert lines(FIRST - 1) == []


def test_long_work_says_count_rate_and_time_left():
    said = lines(100, note="7 valid")
    assert said[0] == "reading x.sdf: 100/1,000 records, 10/s, 7 valid, 0:00:10 gone, 0:01:30 left"
    assert said[1] == "reading x.sdf: 400/1,000 records, 10/s, 7 valid, 0:00:40 gone, 0:01:00 left"
    assert said[-1] == "reading x.sdf: 1,000/1,000 records, 10/s, 7 valid, 0:01:40 gone"
    assert len(said) == 5


def test_work_of_unknown_length_has_no_time_left():
    assert lines(20, total=None)[0] == "reading x.sdf: 500/? records, 50/s, 0:00:10 gone"


def test_lines_come_more_rarely_as_the_work_takes_longer():
    day = lines(24 * 3600, counts=500)
    assert 50 < len(day) < 200
    assert len(lines(24 * 3600, counts=500)) < 24 * 3600 / EVERY / 10


def test_work_that_goes_on_counts_only_its_own_rate():
    console, clock = Console(file=StringIO(), width=200), Clock()
    with Progress("training", unit="molecules", console=console, clock=clock) as progress:
        progress.begin("training", total=1000, done=900)
        clock.now += 20
        progress.advance(20)
    assert isinstance(console.file, StringIO)
    assert "920/1,000 molecules, 1/s, 0:00:20 gone, 0:01:20 left" in console.file.getvalue()


def test_names_of_files_are_no_markup():
    for terminal in (False, True):
        console, clock = Console(file=StringIO(), width=200, force_terminal=terminal, color_system=None), Clock()
        with Progress("[/bold]\x1b[31m.sdf", total=10, console=console, clock=clock) as progress:
            clock.now += 20
            progress.advance(5, note="[nH]")
            progress.tell("[nH] failed")
        assert isinstance(console.file, StringIO)
        for text in ("[/bold]\\x1b[31m.sdf", "5/10, ", "[nH]", "[nH] failed"):
            assert text in console.file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_silence_is_silent(terminal: bool):
    with Progress("x", total=1, console=None) as progress:
        progress.advance()
        progress.tell("nothing")
    assert progress.done == 1
