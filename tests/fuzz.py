"""Mutated files for all readers, stores, bundles and checkpoints: only a `MoldiffError` escapes, and no record is lost.

python tests/fuzz.py --count 100000

The laws: nothing but a `MoldiffError` is raised; one input takes at most five seconds and a gigabyte; a record that the
mutation left whole is among those that a reader yields; a store that opens is whole.
"""

import argparse
import gzip
import resource
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from damage import damaged_json, damaged_value
from fuzzing import mutated
from rdkit import RDLogger

from moldiff.build import build_denoiser
from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import judge
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import MoldiffError
from moldiff.io.formats import read_molecules, read_records, read_reference
from moldiff.io.sdf import sdf_text
from moldiff.io.xyz import xyz_text
from moldiff.pretrained.bundle import load_pretrained
from moldiff.training.denoiser.run import train
from moldiff.training.trainer import CHECKPOINT, load_averaged, read_checkpoint

SECONDS, MEMORY = 5, 1 << 30  # of one input
SAMPLE = Path(__file__).parents[1] / "datasets" / "qm9" / "sample.sdf"
NETWORK = NetworkConfig(num_blocks=1, atom=8, vector=4, pair=8, hidden=8, heads=2)
Attack = Callable[[np.random.Generator], None]  # mutates, reads, and raises what should not be


HEADERS = {"a.csv": b"smiles,name,gap\n"}
READERS = {
    ".sdf": (read_molecules, read_records),
    ".xyz": (read_molecules,),
    ".smi": (read_records,),
    ".csv": (read_records,),
}


class BrokenLawError(AssertionError):
    """A law that was broken."""


def texts(molecules: list[Molecule]) -> Iterator[tuple[str, list[bytes]]]:
    """Names of files and their records, whose bytes put together are the file."""
    names = [f"{'C' * (i + 1)}O" for i in range(5)]
    yield "a.sdf", [sdf_text(m).encode() for m in molecules]
    yield "a.xyz", [xyz_text(m).encode() for m in molecules]
    yield "a.smi", [f"{smiles} name{i}\n".encode() for i, smiles in enumerate(names)]
    yield "a.csv", [f"{smiles},name{i},{i}.5\n".encode() for i, smiles in enumerate(names)]


def reader_attack(folder: Path, name: str, records: list[bytes], *, packed: bool) -> Attack:
    """On one kind of file; every reader that takes it is asked."""
    file = folder / (f"{name}.gz" if packed else name)

    def attack(rng: np.random.Generator) -> None:
        data = mutated(HEADERS.get(name, b"") + b"".join(records), rng)
        data = gzip.compress(data, 1) if packed else data
        file.write_bytes(mutated(data, rng) if packed and rng.random() < 0.3 else data)
        whole = 0 if packed else len({record for record in records if b"\n" + record in b"\n" + data})
        for read in READERS[file.suffixes[0]]:
            try:
                found = list(read(file))
            except MoldiffError:
                continue
            if len(found) < whole:
                raise BrokenLawError(f"{read.__name__}: {len(found)} records, {whole} are whole")
            for _, record in found:
                judge(record)
        with suppress(MoldiffError):
            read_reference(file)

    return attack


def folder_attack(folder: Path, name: str, open_: Callable[[Path], object]) -> Attack:
    """On one file of a folder, which is put back."""
    file = folder / name
    sound = file.read_bytes()

    def attack(rng: np.random.Generator) -> None:
        as_json = name.endswith(".json") and rng.random() < 0.7
        file.write_bytes(damaged_json(sound.decode(), rng).encode() if as_json else mutated(sound, rng))
        try:
            open_(folder)
        except MoldiffError:
            pass
        finally:
            file.write_bytes(sound)

    return attack


def open_store(folder: Path) -> None:
    """As a training does; what opens must be whole."""
    store = MoleculeStore(folder)
    for start in range(0, len(store), 64):
        state = store.state(range(start, min(start + 64, len(store))))
        orders = state.bond[state.bond > 0]
        if not bool(torch.isfinite(state.pos).all()) or not bool(((orders >= 1) & (orders <= 3)).all()):
            raise BrokenLawError(f"{folder}: opens, and holds what is no molecule")


def checkpoint_attack(run: Path, store: MoleculeStore) -> Attack:
    """On the bytes of a checkpoint, or on what it holds."""
    file, config = run / CHECKPOINT, ModelConfig(network=NETWORK)
    sound, content = file.read_bytes(), read_checkpoint(file)

    def attack(rng: np.random.Generator) -> None:
        if rng.random() < 0.5:
            file.write_bytes(mutated(sound, rng))
        else:
            torch.save(damaged_value(content, rng), file)
        with suppress(MoldiffError):
            load_averaged(file, build_denoiser(config, store.statistics))

    return attack


def attacks(folder: Path) -> dict[str, tuple[float, Attack]]:
    """All of them by name, with how often each comes."""
    store_path, run = folder / "store", folder / "run"
    prepare(SAMPLE, store_path)
    store = MoleculeStore(store_path)
    config = TrainingConfig(
        model=ModelConfig(network=NETWORK),
        data=str(store_path),
        num_training_molecules=64,
        pair_budget=4000,
        sample_minutes=0,
        warmup_steps=1,
        inpainting_probability=0.0,
    )
    train(config, run)
    molecules = [m for _, m in read_molecules(SAMPLE) if isinstance(m, Molecule)][3:8]
    found: dict[str, tuple[float, Attack]] = {}
    for name, records in texts(molecules):
        for packed in (False, True):
            attack = reader_attack(folder, name, records, packed=packed)
            found[f"{name}{' gzip' * packed}"] = (2.0 if packed else 8.0, attack)
    for name in ("meta.json", "arrays.safetensors"):
        found[f"store {name}"] = (6.0, folder_attack(store_path, name, open_store))
    bundle = run / "bundle"
    for file in sorted(bundle.iterdir()):
        if file.is_file():
            found[f"bundle {file.name}"] = (2.0, folder_attack(bundle, file.name, load_pretrained))
    found["checkpoint"] = (4.0, checkpoint_attack(run, store))
    return found


def _overtime(*_: object) -> None:
    raise BrokenLawError(f"took more than {SECONDS} s")


def fuzz(kinds: dict[str, tuple[float, Attack]], count: int, seed: int) -> Counter[str]:
    """Inputs by their kind.

    Args:
        kinds: as of `attacks`.
        count: of inputs.
        seed: with the number of an input it reproduces that.

    Returns:
        How many of each kind.

    Raises:
        SystemExit: at the first that breaks a law; it says how to get it again.
    """
    counts: Counter[str] = Counter()
    names, weights = list(kinds), np.array([weight for weight, _ in kinds.values()])
    signal.signal(signal.SIGALRM, _overtime)
    started = time.monotonic()
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        name = names[rng.choice(len(names), p=weights / weights.sum())]
        signal.alarm(SECONDS)
        try:
            kinds[name][1](rng)
        except Exception as error:
            raise SystemExit(f"input {number} of seed {seed}, {name}: {type(error).__name__}: {error}") from error
        finally:
            signal.alarm(0)
        counts[name] += 1
        if number and number % 5000 == 0:
            print(f"{number:,} of {count:,}, {number / (time.monotonic() - started):.0f} a second", flush=True)
    return counts


def main() -> None:
    """So many, and a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        kinds = attacks(Path(folder))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        counts = fuzz(kinds, args.count, args.seed)
    for name, number in sorted(counts.items()):
        print(f"{number:7,} {name}")
    print(f"{args.count:,} inputs kept the laws")


if __name__ == "__main__":
    main()
