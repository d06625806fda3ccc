"""Two processes draw what one draws; a killed one leads to a clear end, and another call goes on from there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_results import refused
from processes import free_port, kill_one_worker, wait_for
from typer.testing import CliRunner

from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.io.formats import read_molecules

SMALL_ROUNDS = [str(Path(__file__).with_name("small_rounds.py"))]
NUM = 64


def words(weights: Path, out: Path, *args: object) -> list[str]:
    fixed = ["--weights", weights, "--out", out, "--num-steps", 2, "--num-threads", 1, "--num-atoms", "9-10"]
    return ["sample", *map(str, [*fixed, *args])]


def start(program: list[str], *args: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *program, *words(*args)],  # type: ignore[arg-type]
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | environment,
    )


@pytest.fixture(autouse=True, scope="module")
def shorten() -> None:
    """Not here: batches are compared with those of processes of their own."""


@pytest.fixture(scope="module")
def alone(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone") / "x.sdf"
    assert CliRunner().invoke(app, words(weights, out, "-n", NUM, "--seed", 3)).exit_code == 0
    return out


def test_two_processes_draw_the_same_molecules_as_one(alone: Path, weights: Path, tmp_path: Path):
    """In two rounds."""
    process = start(SMALL_ROUNDS, weights, tmp_path / "x.sdf", "-n", NUM, "--seed", 3, "--devices", 2)
    said, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert f"{NUM} molecules requested" in said
    assert (tmp_path / "x.sdf").read_bytes() == alone.read_bytes()


def test_two_machines_draw_the_same_molecules_as_one(alone: Path, weights: Path, tmp_path: Path):
    port = free_port()
    outs = [tmp_path / f"{rank}.sdf" for rank in (0, 1)]
    asked = ["-n", NUM, "--seed", 3, "--num-nodes", 2]
    machines = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    running = [
        start(["-m", "moldiff"], weights, out, *asked, **machines, NODE_RANK=str(rank)) for rank, out in enumerate(outs)
    ]
    for process in running:
        process.communicate(timeout=300)
    assert [process.returncode for process in running] == [0, 0]
    assert outs[0].read_bytes() == alone.read_bytes()
    assert not outs[1].exists()  # the first machine writes


def test_killed_process_leads_to_a_clear_end_and_another_call_goes_on(alone: Path, weights: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    process = start(SMALL_ROUNDS, weights, out, "-n", 100_000, "--seed", 3, "--devices", 2)
    wait_for(out, size=10_000)
    kill_one_worker(process)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    last = next(line for line in reversed(stderr.splitlines()) if line.startswith("moldiff: "))
    assert last.startswith(f"moldiff: {out}: what was written stays; --first goes on from any index; process ")
    written = [record for _, record in read_molecules(out) if isinstance(record, Molecule)]
    assert len(written) > 0
    rest = tmp_path / "rest.sdf"
    count = min(len(written), NUM - 10)
    going = CliRunner().invoke(app, words(weights, rest, "-n", NUM - count, "--seed", 3, "--first", count))
    assert going.exit_code == 0, going.output
    whole = [record.name for _, record in read_molecules(alone) if isinstance(record, Molecule)]
    going_on = [record.name for _, record in read_molecules(rest) if isinstance(record, Molecule)]
    assert [record.name for record in written[:count]] + going_on == whole


def test_interrupted_processes_keep_what_is_done(weights: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    process = start(SMALL_ROUNDS, weights, out, "-n", 100_000, "--devices", 2)
    wait_for(out, size=10_000)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    records = list(read_molecules(out))
    assert f"{out}: {len(records)} molecules" in said
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == f"moldiff: stopped by the user; {len(records)} of 100000 molecules are kept"


def test_what_cannot_be_sampled_is_refused_before_processes_start(weights: Path, tmp_path: Path):
    asked = words(weights, tmp_path / "x.sdf", "--devices", 2)
    refused(CliRunner().invoke(app, [*asked, "--num-atoms", "900"]), "num_atoms 900")


def test_what_the_first_process_refuses_is_one_line(weights: Path, tmp_path: Path):
    there = tmp_path / "there.sdf"
    there.write_text("mine")
    refused(CliRunner().invoke(app, words(weights, there, "--devices", 2)), f"{there}: is already there")
    assert there.read_text() == "mine"
