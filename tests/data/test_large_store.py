"""A store of a million molecules is trained on in as little memory as one of a thousand."""

import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from moldiff.data.store.dataset import MoleculeStore
from moldiff.data.store.memory_map import Lines, mapped_arrays
from moldiff.data.store.packing import Packed, join_text
from moldiff.data.store.writer import write_store
from moldiff.errors import DataError

MILLION, ATOMS = 1_000_000, 5
READER = """
import sys
from multiprocessing.reduction import ForkingPickler
from itertools import islice
from moldiff.data.store.dataset import MoleculeStore
from moldiff.training.loader import TrainingBatches

def own():  # MiB that the process cannot give back
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")) // 1024

before = own()
batches = TrainingBatches(MoleculeStore(sys.argv[1]), budget=50_000, seed=0)
grown = [own() - before for _ in islice(batches, 400)]
print(grown[0], grown[-1])
"""


@pytest.fixture(scope="module")
def methane(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Stores of a thousand and of a million molecules of five atoms; of the larger, 90 MB are coordinates and names."""
    corners = np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32) * 0.63
    bonds = np.array([[0, 1, 1], [0, 2, 1], [0, 3, 1], [0, 4, 1]], np.uint16)
    paths = {}
    for count in (1000, MILLION):
        packed = Packed(
            pos=np.tile(corners, (count, 1)),
            elements=np.tile(np.array([6, 1, 1, 1, 1], np.uint8), count),
            charges=np.zeros(ATOMS * count, np.int8),
            sizes=np.full(count, ATOMS),
            bonds=np.tile(bonds, (count, 1)),
            num_bonds=np.full(count, 4),
            properties={},
            smiles=["C"] * count,
            names=[f"methane number {i}" for i in range(count)],
        )
        paths[count] = tmp_path_factory.mktemp("stores") / str(count)
        write_store(paths[count], packed, split=np.zeros(count, int), left_out={}, name="methane", sources={})
    return paths


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads its memory where Linux shows it")
def test_memory_does_not_grow_with_the_store(methane: dict[int, Path]):
    printed = {}
    for count, path in methane.items():
        run = subprocess.run([sys.executable, "-c", READER, str(path)], capture_output=True, text=True, check=True)
        printed[count] = [int(word) for word in run.stdout.split()]
    (small, _), (first, last) = printed[1000], printed[MILLION]
    assert first - small < 110  # MiB: numbers for each molecule, of its size, its place and its order
    assert last - first < 30


def test_large_store_is_opened_in_place(methane: dict[int, Path]):
    store = MoleculeStore(methane[MILLION])
    assert store.molecule(MILLION - 1).name == f"methane number {MILLION - 1}"
    assert store.state([0, 999_999]).pos.shape == (2, ATOMS, 3)
    assert len(ForkingPickler.dumps(store)) < 1000
    assert ForkingPickler.loads(ForkingPickler.dumps(store)).molecule(5).name == "methane number 5"


@pytest.mark.parametrize("lines", [["a", "", "ü c"], [""], []])
def test_lines_are_those_that_were_joined(lines: list[str]):
    read = Lines(join_text(lines))
    assert [read[i] for i in range(len(read))] == lines
    with pytest.raises(IndexError):
        read[len(lines)]


@pytest.mark.parametrize("cut", [0, 4, 100, -5])
def test_broken_file_of_arrays_is_refused(cut: int, methane: dict[int, Path], tmp_path: Path):
    whole = (methane[1000] / "arrays.safetensors").read_bytes()
    (tmp_path / "arrays.safetensors").write_bytes(whole[:cut])
    with pytest.raises(DataError, match=r"arrays\.safetensors: cannot be read.*prepare it again"):
        mapped_arrays(tmp_path / "arrays.safetensors")
