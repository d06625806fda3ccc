"""Ctrl-C while molecules are drawn."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from moldiff.chem.molecule import Molecule
from moldiff.io.formats import read_molecules


def test_sample_keeps_what_is_done_when_interrupted(weights: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    command = [sys.executable, "-m", "moldiff", "sample", "--weights", str(weights), "--out", str(out), "-n", "100000"]
    command += ["--num-steps", "2", "--num-atoms", "9"]  # of one size, so that molecules are written batch after batch
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out.exists() and out.stat().st_size > 10_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    records = [record for _, record in read_molecules(out)]
    assert len(records) > 5
    assert all(isinstance(record, Molecule) for record in records)
    assert f"{out}: {len(records)} molecules" in said
    assert errors.splitlines()[-1] == f"moldiff: stopped by the user; {len(records)} of 100000 molecules are kept"
    assert "Traceback" not in errors
