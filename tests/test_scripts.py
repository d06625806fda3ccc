"""The scripts that a user copies: they import `moldiff` alone, and they run."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
OTHERS = {"argparse", "pathlib", "rdkit", "rich"}


def deep_imports(text: str) -> list[str]:
    """What is imported of moldiff's rooms, or of packages that a user need not know."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or ".")
    return [name for name in names if name != "moldiff" and name.split(".")[0] not in OTHERS]


# Runs scripts after one another, with small batches, and with little to measure at the end of a training.
SHORTENED = """
import json, runpy, sys
import moldiff.data.batching, moldiff.training.denoiser.calibration
moldiff.data.batching.ROWS_FLOAT32, moldiff.training.denoiser.calibration.NUM_MOLECULES = 4, 2
if __name__ == "__main__":
    for sys.argv in json.loads(sys.argv[1]):
        runpy.run_path(sys.argv[0], run_name="__main__")
        print("END OF SCRIPT")
"""


def run_scripts(*commands: list[object]) -> list[str]:
    """What each printed; in one process, since most of the time is for imports."""
    calls = [[str(ROOT / "scripts" / str(name)), *map(str, args)] for name, *args in commands]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SHORTENED, json.dumps(calls)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("END OF SCRIPT\n")[:-1]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_moldiff_alone(path: Path):
    assert deep_imports(path.read_text()) == []
    assert deep_imports("from moldiff.io.formats import read_molecules") == ["moldiff.io.formats"]


def test_sample_and_score_run(weights: Path, sample_sdf: Path, tmp_path: Path):
    sampled, scored, compared = run_scripts(
        ["sample.py", 4, tmp_path / "x.sdf", "--weights", weights, "--num-atoms", 5],
        ["score.py", tmp_path / "x.sdf"],
        ["score.py", sample_sdf, "--reference", sample_sdf],
    )
    assert [line.split(":")[0] for line in sampled.splitlines()] == ["0", "1", "2", "3"]
    assert "valid" in scored
    assert "200" in compared


@pytest.mark.slow
def test_prepare_and_train_run(sample_sdf: Path, tmp_path: Path):
    prepared, trained = run_scripts(
        ["prepare.py", sample_sdf, tmp_path / "store"],
        ["train.py", tmp_path / "store", tmp_path / "run", "--num-molecules", 100, "--num-blocks", 1],
    )
    assert "200 molecules" in prepared
    assert trained.count("Sample(") == 10
    assert (tmp_path / "run" / "bundle" / "model.safetensors").is_file()
