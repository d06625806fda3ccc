"""ChEMBL's bioactive molecules, from the package `moleculeace`."""

import csv
import importlib.util
import zipfile
from pathlib import Path

from moldiff.chem.molecule import Failure
from moldiff.chem.smiles_parsing import mol_of_smiles
from moldiff.data.sources.base import Source
from moldiff.data.sources.smiles import CHUNK, choose_rows, origin_of_package, read_row
from moldiff.errors import DataError, MissingPackageError

FOLDER = "MoleculeACE/Data/benchmark_data"  # in the package; a file for each of 30 targets
MOST_HEAVY = 50  # atoms; the 98th percentile
CHEMBL_REMEDY = (
    "chembl3d comes from the package moleculeace; install it with: pip install --no-deps moleculeace, or give the "
    "wheel by --from-file"
)


def chembl_source(path: str | Path | None, *, num_molecules: int | None, seed: int) -> Source:
    """Molecules with measured activity on 30 targets, as ChEMBL protonates them, chosen by chance.

    Args:
        path: the wheel of the package moleculeace; none if it is installed.
        num_molecules: how many to choose; none takes all.
        seed: of the choice, the conformers and the split.

    Returns:
        The source; a `ConfigError` if more are requested than there are.

    Source: van Tilborg et al. 2022, J. Chem. Inf. Model. 62, 5938 (MoleculeACE, from ChEMBL 29).
    """
    _, rows = choose_rows("chembl3d", chembl_smiles(path), prefix="chembl", num_molecules=num_molecules, seed=seed)
    origin = origin_of_package("moleculeace 3.0.0", len(rows), seed)
    return Source("chembl3d", rows, len(rows), read_row, origin, chunk=CHUNK, slow=True)


def chembl_smiles(path: str | Path | None = None) -> list[str]:
    """All different molecules of up to `MOST_HEAVY` heavy atoms, each without its salt, sorted.

    Args:
        path: the wheel of the package moleculeace; none if it is installed.

    Returns:
        Their SMILES.
    """
    found = sorted({max(text.split("."), key=len) for text in _written(path)})
    mols = {text: mol_of_smiles(text) for text in found}
    return [t for t, mol in mols.items() if not isinstance(mol, Failure) and mol.GetNumHeavyAtoms() <= MOST_HEAVY]


def _written(path: str | Path | None) -> list[str]:
    """As they stand in the package, with repeats."""
    try:
        if path is not None:
            with zipfile.ZipFile(path) as wheel:
                names = sorted(n for n in wheel.namelist() if n.startswith(FOLDER) and n.endswith(".csv"))
                tables = [wheel.read(name).decode() for name in names]
        else:
            spec = importlib.util.find_spec("MoleculeACE")
            if spec is None or spec.origin is None:
                raise MissingPackageError(CHEMBL_REMEDY)
            files = sorted((Path(spec.origin).parents[1] / FOLDER).glob("*.csv"))
            tables = [file.read_text(encoding="utf-8") for file in files]
        if not tables:
            raise ValueError("no tables")
        return [row["smiles"] for table in tables for row in csv.DictReader(table.splitlines())]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path or 'moleculeace'}: no {FOLDER} of moleculeace 3.0.0: {error}; {CHEMBL_REMEDY}"
        ) from error
