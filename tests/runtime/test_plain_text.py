"""Text from outside arrives as it is, or spelt out, wherever it is shown."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from moldiff.cli import app
from moldiff.runtime.plain_text import MOST, outside_lines, outside_text, plain, plain_lines

HOSTILE = "[nH] [/bold] :smiley: $x^ <script>alert(1)</script> \x1b[31m\x9b31m\u202e\u2067"
SPELT = "[nH] [/bold] :smiley: $x^ <script>alert(1)</script> \\x1b[31m\\x9b31m\\u202e\\u2067"
OBEYED = "\x1b\x9b\u202e\u2067"
WATER = """{name}

{name}
  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 {symbol}   0  0
    0.9600    0.0000    0.0000 H   0  0
   -0.2400    0.9300    0.0000 H   0  0
  1  2  1  0
  1  3  1  0
M  END
> <{name}>
{name}

$$$$
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HOSTILE, SPELT),
        ("two\r\n  lines\tand\u2028more", "two lines and more"),
        ("\0\a\b\x7f", "\\x00\\x07\\x08\\x7f"),
        ("a\udcffb\ud800", "a\\xffb\\ud800"),
        ("\ufeff\u200b\U000e0041", "\\ufeff\\u200b\\U000e0041"),
        ("Kekulé, Å², 水, ─", "Kekulé, Å², 水, ─"),
        ("6  train 5", "6  train 5"),
        (Path("a\nb.sdf"), "a b.sdf"),
    ],
)
def test_plain_line_has_nothing_that_a_terminal_obeys(text: object, line: str):
    assert plain(text) == line
    assert outside_text(text).plain == line


def test_plain_line_keeps_the_ends_of_a_long_text():
    """The file is named at the beginning, the remedy at the end."""
    line = plain("mine.sdf: " + "x" * 10**6 + "; write it again")
    assert len(line) <= MOST
    assert line.startswith("mine.sdf: ")
    assert line.endswith("; write it again")
    assert plain("x" * MOST) == "x" * MOST


def test_plain_lines_keep_their_lines():
    assert plain_lines("# a\x1b[0m\n\nb\n") == "# a\\x1b[0m\n\nb"
    assert outside_lines("[nH]\n[/b]").plain == "[nH]\n[/b]"


def test_outside_text_survives_a_console_with_markup():
    console = Console(file=StringIO(), width=200)
    console.print(outside_text(HOSTILE))
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == SPELT + "\n"
    console.print("[nH]")  # what the law is against
    assert console.file.getvalue() == SPELT + "\n\n"


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "400"})


def shown(result: Result, *texts: str, code: int = 0) -> str:
    """What came, after a look that it is literal and ends no line early."""
    assert result.exit_code == code, (result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    output = result.output
    assert not set(OBEYED) & set(output)
    for text in texts:
        assert text in output, output
    return output


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """An SDF, a SMILES and a CSV file with hostile names, tags and paths."""
    sdf = tmp_path / "[nH] [-b] $x^ \x1b[31m\u202e.sdf"
    sdf.write_text(
        WATER.format(name=HOSTILE, symbol="O") * 3
        + WATER.format(name=HOSTILE, symbol="[")
        + WATER.format(name="x", symbol="Xx")
    )
    smiles = tmp_path / "[bold]m.smi"
    smiles.write_text(f"[/bold]CC {HOSTILE}\n[nH]1cccc1 pyrrole\n\x1b[31mC x\n")
    table = tmp_path / "c.csv"
    table.write_text(f'smiles,name,[/bold]\n[/bold]CC,"{HOSTILE}",1\n[nH]1cccc1,"{HOSTILE}",2\n')
    return sdf, smiles, table


def test_scores_show_text_of_files_as_it_is(files: tuple[Path, Path, Path], tmp_path: Path):
    sdf, smiles, table = files
    shown(run("score", sdf, "--csv", tmp_path / "x.csv"), "[nH] [-b] $x^ \\x1b[31m\\u202e.sdf, record 4")
    shown(run("score", smiles), "line 1: '[/bold]CC' is no SMILES")
    shown(run("compare", sdf, table), "[nH] [-b] $x^ \\x1b[31m\\u202e.sdf", "c.csv")
    shown(run("score", sdf, "--reference", smiles), "[bold]m.smi: 1 molecules known")


def test_stores_show_text_of_files_as_it_is(files: tuple[Path, Path, Path], tmp_path: Path):
    sdf, smiles, table = files
    store = tmp_path / "[nH]\x1b[31m"
    shown(run("prepare", sdf, "--out", store, "--num-workers", 1), "[nH]\\x1b[31m: 3 of 5 records kept")
    shown(run("info", store), SPELT)
    shown(run("prepare", smiles, "--out", tmp_path / "b", "--num-workers", 1), "'[/bold]CC' is no SMILES")
    shown(run("prepare", table, "--out", tmp_path / "c", "--num-workers", 1), SPELT)
    shown(run("prepare", sdf, "--out", store), "[nH]\\x1b[31m", code=1)


def test_pictures_and_pages_show_text_of_files_as_it_is(files: tuple[Path, Path, Path], tmp_path: Path):
    sdf, smiles, _ = files
    shown(run("draw", sdf, "--out", tmp_path / "[nH]\x1b[31m.svg"), "[nH]\\x1b[31m.svg: 3 molecules")
    page = tmp_path / "[nH]\x1b.html"
    for file in (sdf, smiles):
        shown(run("report", file, "-o", page, "--flat", "--overwrite"), "[nH]\\x1b.html")
        text = page.read_text()
        assert not set(OBEYED) & set(text)
        assert text.count("<script") == 2  # our own
        assert "[nH]" in text


def test_error_lines_show_text_of_files_as_it_is(tmp_path: Path):
    for name in ("[nH][/bold]\x1b[31m.sdf", "two\nlines.sdf", "\udcff.sdf"):
        result = run("score", tmp_path / name)
        assert result.stderr.count("\n") == 1
        assert "cannot be read" in shown(result, plain(name), code=1)
    result = run("score", tmp_path / "none.sdf", "--\x1b[31mopt")
    assert result.stderr.count("\n") == 1
    shown(result, "\\x1b[31mopt", code=2)


def test_info_shows_the_card_of_others_as_it_is(weights: Path, tmp_path: Path):
    import shutil

    theirs = tmp_path / "theirs"
    shutil.copytree(weights, theirs)
    (theirs / "card.md").write_text("# [/bold] \x1b[31mred\n\nA [nH] ring \u202e [here](http://x.org)\n")
    shown(run("info", theirs), "[/bold] \\x1b[31mred", "A [nH] ring \\u202e here (http://x.org)")


def test_cards_name_data_as_it_is():
    from moldiff.config.distillation import DistillationConfig
    from moldiff.training.distillation.run import card

    text = card(DistillationConfig(teacher=HOSTILE + "\n# new"), 10)
    assert not set(OBEYED) & set(text)
    assert "\n# new" not in text
    assert f"# Student of {SPELT} # new\n" in text
