"""Drug-like molecules at minima of GFN2-xTB, in chunks: MOSES and ChEMBL's bioactive molecules in turn.

python scripts/benchmarks/relax_xtb.py --out datasets/xtb3d --minutes 120

With tblite's own BLAS a molecule takes 3 to 5 s of a core; with `LD_PRELOAD` of an OpenBLAS, half as long and the same.
Needs `pip install 'moldiff[score]'` and `pip install --no-deps molsets moleculeace`. Each molecule starts from one
conformer of ETKDG at its minimum of MMFF94. A chunk that is there is passed over, so the same command goes on, and
processes with other `--first` share the work. The card of the data set, `datasets/xtb3d/CARD.md`, describes the files.
"""

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from safetensors.numpy import save_file

from moldiff.chem.conformer import embed_smiles
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.stereo import keeps_bonds
from moldiff.data.sources.chembl import chembl_smiles
from moldiff.data.sources.moses import moses_source
from moldiff.data.store.packing import join_text
from moldiff.metrics.strain import KCAL_PER_EV, gfn2_minimum

CHUNK = 100  # molecules; about five minutes of a core
FMAX = 0.03  # eV/Å, the largest force on an atom at the end
NUM_MOSES = 30_000
MILLI = 1000.0  # stored coordinates are integers of 0.001 Å


def moses() -> list[tuple[str, str]]:
    """Names and SMILES; the number in a name is the place in MOSES, train set first."""
    rows = list(moses_source(None, num_molecules=NUM_MOSES, seed=0).records)
    return [(rows[i].name, rows[i].smiles) for i in np.random.RandomState(1).permutation(len(rows))]


def chembl() -> list[tuple[str, str]]:
    """Names and SMILES; the number in a name is the place in `chembl_smiles`."""
    smiles = chembl_smiles()
    return [(f"chembl_{place + 1}", smiles[place]) for place in np.random.RandomState(1).permutation(len(smiles))]


def relax(molecule: Molecule) -> tuple[Molecule, float, float] | Failure:
    """The molecule at its minimum of GFN2-xTB, the energy there in eV, and how far above it began, in kcal/mol."""
    found = gfn2_minimum(molecule.elements, molecule.pos, int(molecule.charges.sum()), least_force=FMAX)
    if isinstance(found, Failure):
        return found
    pos, before, after = found
    moved = replace(molecule, pos=pos)
    if not keeps_bonds(moved):
        return Failure("stretched", "distances show other bonds than those of its SMILES")
    if stereo(molecule) != stereo(moved):
        return Failure("stereo", "a centre or a double bond has turned over")
    return moved, after, KCAL_PER_EV * (before - after)


def stereo(molecule: Molecule) -> str:
    """SMILES with the stereo that the coordinates show."""
    mol = to_rdkit(molecule)
    Chem.SanitizeMol(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    return Chem.MolToSmiles(Chem.RemoveHs(mol))


def chunk(rows: list[tuple[str, str]], number: int, file: Path) -> str:
    """Writes one chunk, whole or not at all, and gives a line on it."""
    kept: list[tuple[Molecule, float, float]] = []
    names: list[str] = []
    smiles: list[str] = []
    left_out: Counter[str] = Counter()
    for place, (name, text) in enumerate(rows):
        start = embed_smiles(text, seed=number * CHUNK + place, name=name)
        end = start if isinstance(start, Failure) else relax(start)
        if isinstance(end, Failure):
            left_out[end.reason] += 1
            continue
        kept.append(end)
        names.append(name)
        smiles.append(text)
    centred = [m.pos - m.pos.mean(0) for m, _, _ in kept]
    arrays = {
        "pos": np.rint(MILLI * np.concatenate(centred)).astype(np.int16),
        "size": np.array([len(m) for m, _, _ in kept], dtype=np.uint16),
        "energy": np.array([energy for _, energy, _ in kept]),
        "mmff94_excess": np.array([excess for _, _, excess in kept], dtype=np.float32),
        "smiles": join_text(smiles),
        "names": join_text(names),
    }
    metadata = {
        "left_out": json.dumps(left_out),
        "method": "GFN2-xTB",
        "fmax": f"{FMAX} eV/A",
        "records": f"{len(rows)}",
    }
    beside = file.with_suffix(f".{os.getpid()}")
    save_file(arrays, beside, metadata)
    beside.rename(file)
    excess = np.median(arrays["mmff94_excess"])
    return f"{file.name}: {len(kept)} of {len(rows)}, left out {dict(left_out)}, median excess {excess:.1f} kcal/mol"


def chunks() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Half of each chunk from MOSES, half from ChEMBL, until one of them ends."""
    both, half = list(zip(moses(), chembl(), strict=False)), CHUNK // 2
    for number in range(len(both) // half):
        yield number, [row for pair in both[number * half : (number + 1) * half] for row in pair]


def main() -> None:
    """One chunk after the other until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("datasets/xtb3d"), help="folder of the chunks")
    parser.add_argument("--first", type=int, default=0, help="number of the first chunk")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no chunk after so many")
    args = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    args.out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    for number, rows in chunks():
        file = args.out / f"chunk-{number:04}.safetensors"
        if number < args.first or file.exists():
            continue
        if time.monotonic() - start > 60 * args.minutes:
            break
        began = time.monotonic()
        print(chunk(rows, number, file), f"in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
