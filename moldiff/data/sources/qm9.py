"""QM9 as the PyPI package `qm9pack` ships it: 130,831 molecules, B3LYP/6-31G(2df,p) geometries, SMILES, properties."""

import csv
import importlib.metadata
import importlib.util
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from moldiff.chem.bond_assignment import assign
from moldiff.chem.molecule import Failure, Molecule
from moldiff.data.sources.base import Source
from moldiff.errors import DataError, MissingPackageError
from moldiff.io.frames import number

NUM_MOLECULES = 130_831
HARTREE = 27.211386245988  # eV, CODATA 2018
ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
# Properties and the factors to our units: energies eV; mu debye, alpha Bohr^3, r2 Bohr^2, cv cal/mol/K, rotation GHz.
UNITS = {
    **dict.fromkeys(("mu", "alpha"), 1.0),
    **dict.fromkeys(("homo", "lumo", "gap"), HARTREE),
    "r2": 1.0,
    **dict.fromkeys(("zpve", "u0", "u", "h", "g"), HARTREE),
    **dict.fromkeys(("cv", "rotation_a", "rotation_b", "rotation_c"), 1.0),
}
_COLUMNS = (  # of qm9pack's files, in the order of UNITS
    "Dipole_debye",
    "Polarizability_bohr3",
    "HOMO_au",
    "LUMO_au",
    "HOMO_LUMO_gap_au",
    "R2_bohr2",
    "ZPVE_au",
    "InternalEnergy_0K_au",
    "InternalEnergy_298K_au",
    "Enthalphy_298K_au",
    "GibbsFreeEnergy_298K_au",
    "Heatcapacity_Cv_cal_mol_K",
    "RotA_GHz",
    "RotB_GHz",
    "RotC_GHz",
)
UNIT_NAMES = {
    "mu": "D",
    "alpha": "Bohr^3",
    "r2": "Bohr^2",
    "cv": "cal/mol/K",
    **dict.fromkeys(("homo", "lumo", "gap", "zpve", "u0", "u", "h", "g"), "eV"),
    **dict.fromkeys(("rotation_a", "rotation_b", "rotation_c"), "GHz"),
}
SPLIT_RULE = "the literature's: numpy RandomState(0).permutation(130831), 100,000 / 17,748 / 13,083 by QM9 index"
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

    A `MissingPackageError` if it is not installed, a `DataError` if a file of it is missing or has other columns.
    """
    spec = importlib.util.find_spec("qm9pack")
    if spec is None or spec.origin is None:
        raise MissingPackageError('QM9 comes from the package qm9pack; install it with: pip install "moldiff[qm9]"')
    rows: list[list[str]] = []
    wanted = ["Index", "SMILES", "Elements", "XYZ_Ang", *_COLUMNS]
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
    return Source("qm9", rows, len(rows), read_qm9pack, origin, literature_split, SPLIT_RULE, units=UNIT_NAMES)


def read_qm9pack(row: list[str]) -> tuple[Molecule, str] | Failure:
    """Molecule and SMILES of one row: index, SMILES, elements, coordinates, then the properties."""
    index, smiles, symbols, coordinates, *values = row
    name = f"gdb_{index}"
    try:
        elements = np.array([ELEMENTS[symbol] for symbol in symbols.translate(_PUNCTUATION).split(",")])
        pos = numbers(coordinates.translate(_PUNCTUATION).split(",")).reshape(-1, 3)
        columns = numbers(values) * list(UNITS.values())
    except (KeyError, ValueError) as error:
        return Failure("unreadable", f"{name}: {error!r}")
    properties = dict(zip(UNITS, columns.tolist(), strict=True))
    molecule = assign(elements, pos, smiles, name=name, properties=properties)
    return molecule if isinstance(molecule, Failure) else (molecule, smiles)


def numbers(texts: list[str]) -> Float[np.ndarray, "k"]:
    """Numbers, also those that Mathematica wrote as 1.5*^-6, or Fortran as 1.5D-06."""
    return np.array([number(text) for text in texts], dtype=np.float64)
