"""What is written appears whole, is made by one process at a time, and may be read by those whom the umask lets."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moldiff.chem.molecule import Molecule
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import OutputError
from moldiff.io.formats import read_molecules
from moldiff.io.writer import open_writer
from moldiff.pretrained.bundle import load_pretrained, save_pretrained
from moldiff.runtime.atomic_files import claim, write_whole
from moldiff.training.denoiser.run import train

HOLDS = """
import sys
from pathlib import Path
from moldiff.io.formats import open_writer
from moldiff.runtime.atomic_files import claim
target = Path(sys.argv[1])
with open_writer(target, overwrite=True) if target.suffix else claim(target):
    print("open", flush=True)
    sys.stdin.readline()
"""
BUSY = "another process is writing it; wait until that has ended, or name another"


def write_bundle(weights: Path, out: Path) -> None:
    b = load_pretrained(weights)
    save_pretrained(out, b.denoiser, config=b.config, statistics=b.statistics, card=b.card)


@contextmanager
def another_process(target: Path) -> Iterator[subprocess.Popen]:
    """It writes there until it is ended."""
    command = [sys.executable, "-c", HOLDS, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_second_writer_of_a_file_is_refused_and_changes_nothing(sample_sdf: Path, tmp_path: Path):
    file = tmp_path / "out.sdf"
    with another_process(file):
        file.write_text("half a molecule")
        with pytest.raises(OutputError, match=BUSY):
            open_writer(file, overwrite=True)
        assert file.read_text() == "half a molecule"
    _, molecule = next(iter(read_molecules(sample_sdf)))
    assert isinstance(molecule, Molecule)
    with open_writer(file, overwrite=True) as writer:  # the other was killed: nothing is left of its lock
        writer.write(molecule)
    assert len(list(read_molecules(file))) == 1


def test_second_maker_of_a_folder_is_refused(sample_sdf: Path, store_path: Path, weights: Path, tmp_path: Path):
    out = tmp_path / "out"
    config = TrainingConfig(
        data=str(store_path),
        num_training_molecules=10,
        sample_minutes=0,
        model=ModelConfig(network=NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)),
    )
    with another_process(out):
        for make in (
            lambda: prepare(sample_sdf, out),
            lambda: train(config, out),
            lambda: write_bundle(weights, out),
        ):
            with pytest.raises(OutputError, match=BUSY):
                make()
        assert not out.exists()
    prepare(sample_sdf, out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_claim_lets_go(tmp_path: Path):
    for _ in range(2):
        with claim(tmp_path / "x"):
            with pytest.raises(OutputError, match=BUSY), claim(tmp_path / "x"):
                pass
            with claim(tmp_path / "y"):
                pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written: "), claim(tmp_path / "file" / "x"):
        pass


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_are_for_whom_the_umask_says(umask: int, mode: int, sample_sdf: Path, weights: Path, tmp_path: Path):
    before = os.umask(umask)
    try:
        prepare(sample_sdf, tmp_path / "store")
        write_bundle(weights, tmp_path / "weights")
        open_writer(tmp_path / "x.sdf").close()
        write_whole(tmp_path / "x.json", "{}")
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2 + 5 + 2
    assert {path.stat().st_mode & 0o777 for path in files} == {mode}


def test_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_whole(tmp_path / "x.json", "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "x.json", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems refuse such names")
def test_names_need_not_be_utf8(sample_sdf: Path, tmp_path: Path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9sultats 'x' $y"))
    folder.mkdir()
    source = folder / os.fsdecode(b"mol\xe9cules.sdf")
    source.write_bytes(sample_sdf.read_bytes())
    prepare(source, folder / "store")
    store = MoleculeStore(folder / "store")
    assert store.meta["name"] == r"mol\udce9cules"
    config = TrainingConfig(
        data=str(folder / "store"),
        num_training_molecules=10,
        sample_minutes=0,
        model=ModelConfig(network=NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)),
    )
    train(config, folder / "run")
    assert (folder / "run" / "bundle" / "card.md").read_text().startswith("# Weights trained on mol\\udce9cules")
    open_writer(folder / os.fsdecode(b"\xe9.sdf")).close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_missing_permission_is_one_clear_line(sample_sdf: Path, store_path: Path, weights: Path, tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    for make in (
        lambda: prepare(sample_sdf, closed / "store"),
        lambda: open_writer(closed / "x.sdf"),
        lambda: write_bundle(weights, closed / "weights"),
        lambda: train(TrainingConfig(data=str(store_path)), closed / "run"),
    ):
        with pytest.raises(OutputError, match=r"closed.*: Permission denied"):
            make()
