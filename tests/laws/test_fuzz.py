"""No file, whatever became of it, ends in a foreign exception, a hang, or a lost record (`tests/fuzz.py`)."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzz import fuzz

from moldiff.errors import DataError


@pytest.mark.slow
def test_hundreds_of_mutated_inputs_keep_the_laws():
    script = Path(__file__).parents[1] / "fuzz.py"
    result = subprocess.run([sys.executable, script, "--count", "400"], capture_output=True, text=True, timeout=590)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "400 inputs kept the laws" in result.stdout


def test_the_laws_catch_a_foreign_exception_and_a_hang():
    def foreign(rng) -> None:
        raise KeyError("planted")

    def hang(rng) -> None:
        time.sleep(20)

    def ours(rng) -> None:
        raise DataError("a refusal that was let through")

    for attack, message in ((foreign, "KeyError"), (hang, "took more than 5 s"), (ours, "DataError")):
        with pytest.raises(SystemExit, match=f"input 0 of seed 0, planted: .*{message}"):
            fuzz({"planted": (1.0, attack)}, 1, 0)
