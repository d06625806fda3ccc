"""Standard output and error that are full, closed, cut or of few characters: files stay whole, no trace is shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
UNBUFFERED = pytest.mark.parametrize("unbuffered", [False, True])


def shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Of a shell; `moldiff` in it is the command."""
    line = line.replace("moldiff ", f"{sys.executable} -m moldiff ")
    path = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "", **variables}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=folder, check=False, env=environment
    )


def one_line(result: subprocess.CompletedProcess[str], words: str) -> None:
    assert result.returncode == 1, result.stderr
    assert words in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("moldiff: standard output cannot be written: ")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@UNBUFFERED
def test_full_output_is_one_line_and_files_are_whole(unbuffered: bool, twenty_sdf: Path, tmp_path: Path):
    line = f"moldiff score {twenty_sdf} --json x.json > /dev/full"
    one_line(shell(line, tmp_path, PYTHONUNBUFFERED="1" if unbuffered else ""), "No space left on device")
    assert json.loads((tmp_path / "x.json").read_text())["rates"]["valid"]["numerator"] == 20


def test_closed_output_is_one_line_and_files_are_whole(twenty_sdf: Path, tmp_path: Path):
    """No file takes the number of the closed stream, and what is printed."""
    one_line(shell(f"moldiff score {twenty_sdf} --csv x.csv >&-", tmp_path), "Bad file descriptor")
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert len(lines) == 21
    assert all(line.count(",") >= 10 for line in lines)
    one_line(shell("moldiff --help > /dev/full" if FULL.exists() else "moldiff --help >&-", tmp_path), "")


@UNBUFFERED
def test_reader_that_left_is_no_error(unbuffered: bool, twenty_sdf: Path, tmp_path: Path):
    line = f"set -o pipefail; moldiff score {twenty_sdf} --json x.json | head -1"
    result = shell(line, tmp_path, PYTHONUNBUFFERED="1" if unbuffered else "")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("20 molecules requested")
    assert (tmp_path / "x.json").is_file()


def test_errors_that_cannot_be_printed_keep_the_exit_code(tmp_path: Path):
    for where in ("2>&-", ">&- 2>&-", *(["2>/dev/full"] if FULL.exists() else [])):
        result = shell(f"moldiff score none.sdf {where}", tmp_path)
        assert (result.returncode, result.stdout, result.stderr) == (1, "", "")


def test_characters_that_the_terminal_lacks_are_spelt_out(twenty_sdf: Path, tmp_path: Path):
    result = shell(f"moldiff score {twenty_sdf}", tmp_path, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "Kekul\\xe9" in result.stdout
    assert "---" in result.stdout  # a line of the table
    assert shell(f"moldiff score {twenty_sdf}", tmp_path, PYTHONIOENCODING="utf-8").stdout.count("Kekulé") == 1
    named = shell("moldiff score 'Å.sdf'", tmp_path, PYTHONIOENCODING="ascii")
    assert named.stderr == "moldiff: \\xc5.sdf: cannot be read: No such file or directory\n"
    assert shell("moldiff score --help", tmp_path, PYTHONIOENCODING="ascii").returncode == 0


def test_path_that_is_not_utf8_is_named_by_its_bytes(twenty_sdf: Path, tmp_path: Path):
    missing = shell("moldiff score $'\\xff.sdf'", tmp_path)
    assert missing.stderr == "moldiff: \\xff.sdf: cannot be read: No such file or directory\n"
    copied = shell(f"cp {twenty_sdf} $'\\xff.sdf' && moldiff compare $'\\xff.sdf' {twenty_sdf} --json x.json", tmp_path)
    assert copied.returncode == 0, copied.stderr
    assert "\\xff.sdf" in copied.stdout
    assert (tmp_path / "x.json").is_file()
