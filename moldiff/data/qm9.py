"""QM9 as the PyPI package `qm9pack` ships it: 130,831 molecules, B3LYP/6-31G(2df,p) geometries, SMILES, properties."""

import csv
import importlib.metadata
import importlib.util
from pathlib import Path

import numpy as np
from jaxtyping import Int

from moldiff.chem.assignment import assign
from moldiff.chem.molecule import Failure, Molecule
from moldiff.data.sources import Source
from moldiff.errors import DataError, MissingPackageError

HARTREE = 27.211386245988  # eV, CODATA 2018
ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
# Our name: column of qm9pack and factor to our unit. Energies eV; mu D, alpha Bohr^3, r2 Bohr^2, cv cal/mol/K, a b c GHz.
COLUMNS = {
    "mu": ("Dipole_debye", 1.0),
    "alpha": ("Polarizability_bohr3", 1.0),
    "homo": ("HOMO_au", HARTREE),
    "lumo": ("LUMO_au", HARTREE),
    "gap": ("HOMO_LUMO_gap_au", HARTREE),
    "r2": ("R2_bohr2", 1.0),
    "zpve": ("ZPVE_au", HARTREE),
    "u0": ("InternalEnergy_0K_au", HARTREE),
    "u": ("InternalEnergy_298K_au", HARTREE),
    "h": ("Enthalphy_298K_au", HARTREE),
    "g": ("GibbsFreeEnergy_298K_au", HARTREE),
    "cv": ("Heatcapacity_Cv_cal_mol_K", 1.0),
    "rotation_a": ("RotA_GHz", 1.0),
    "rotation_b": ("RotB_GHz", 1.0),
    "rotation_c": ("RotC_GHz", 1.0),
}
_PUNCTUATION = str.maketrans("", "", "[]' ")


def literature_split(total: int, seed: int = 0) -> Int[np.ndarray, "m"]:
    """The split of the literature over molecules sorted by QM9 index; `seed` is fixed by it and not used.

    Source: Anderson et al. 2019 (Cormorant), used by Hoogeboom et al. 2022 (EDM): 100,000 / 17,748 / 13,083.
    """
    del seed
    order = np.random.RandomState(0).permutation(total)
    tenth = total // 10
    split = np.ones(total, dtype=np.int64)
    split[order[:100_000]] = 0
    split[order[total - tenth :]] = 2
    return split


def qm9pack_source() -> Source:
    """All molecules of `qm9pack`, sorted by QM9 index; only its CSV files are read, it is not imported.

    Raises:
        MissingPackageError: if the package is not installed.
        DataError: if a file of it is missing or has other columns.
    """
    spec = importlib.util.find_spec("qm9pack")
    if spec is None or spec.origin is None:
        raise MissingPackageError('QM9 comes from the package qm9pack; install it with: pip install "moldiff[qm9]"')
    rows: list[list[str]] = []
    wanted = ["Index", "SMILES", "Elements", "XYZ_Ang", *(column for column, _ in COLUMNS.values())]
    for part in (1, 2, 3):
        file = Path(spec.origin).parent / "data" / f"qm9_part{part}.csv"
        try:
            with file.open(newline="") as stream:
                reader = csv.reader(stream)
                header = next(reader, [])
                places = [header.index(column) for column in wanted]
                rows.extend([row[place] for place in places] for row in reader)
        except (OSError, ValueError, IndexError) as error:
            raise DataError(f"{file}: not a data file of qm9pack 1.0: {error}; install it again") from error
    rows.sort(key=lambda row: int(row[0]))
    origin = {"package": f"qm9pack {importlib.metadata.version('qm9pack')}", "licence": "MIT"}
    return Source("qm9", rows, read_qm9pack, literature_split, origin)


def read_qm9pack(row: list[str]) -> tuple[Molecule, str] | Failure:
    """Molecule and SMILES of one row: index, SMILES, elements, coordinates, then the columns of `COLUMNS`."""
    index, smiles, symbols, coordinates, *values = row
    name = f"gdb_{index}"
    try:
        elements = np.array([ELEMENTS[symbol] for symbol in symbols.translate(_PUNCTUATION).split(",")])
        pos = _numbers(coordinates.translate(_PUNCTUATION).split(",")).reshape(-1, 3)
        columns = _numbers(values) * [factor for _, factor in COLUMNS.values()]
    except (KeyError, ValueError) as error:
        return Failure("record_unreadable", f"{name}: {error}")
    properties = dict(zip(COLUMNS, columns.tolist(), strict=True))
    molecule = assign(elements, pos, smiles, name=name, properties=properties)
    return molecule if isinstance(molecule, Failure) else (molecule, smiles)


def _numbers(texts: list[str]) -> np.ndarray:
    """Numbers, also those that Mathematica wrote as 1.5*^-6."""
    return np.array([text.replace("*^", "e") for text in texts], dtype=np.float64)
