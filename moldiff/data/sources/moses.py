"""The SMILES of MOSES, from the package `molsets`."""

import csv
import gzip
import importlib.metadata
import importlib.util
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Int

from moldiff.data.sources.base import Source
from moldiff.data.sources.smiles import CHUNK, choose_rows, origin_of_package, read_row
from moldiff.errors import DataError, MissingPackageError

MOSES = "moses/dataset/data/{}.csv.gz"  # in the package molsets
MOSES_REMEDY = (
    "moses3d comes from the package molsets, whose other needs do not install today; install it with: pip install "
    "--no-deps molsets, or give the wheel by --from-file"
)


def moses_source(path: str | Path | None, *, num_molecules: int | None, seed: int) -> Source:
    """Drug-like molecules of MOSES, chosen by chance; its test set is the test split.

    Args:
        path: the wheel of the package molsets; none if it is installed.
        num_molecules: how many to choose; none takes all 1.8 million.
        seed: of the choice, the conformers and the validation split.

    Returns:
        The source; a `ConfigError` if more are requested than there are.

    Source: Polykovskiy et al. 2020, Front. Pharmacol. 11, 565644; `test_scaffolds.csv` is left out.
    """
    train, test = (_moses_list(path, part) for part in ("train", "test"))
    chosen, rows = choose_rows("moses3d", (*train, *test), prefix="moses", num_molecules=num_molecules, seed=seed)

    def split(records: int, seed: int) -> Int[np.ndarray, "m"]:
        held_out = np.random.RandomState(seed).random_sample(records) < 0.05
        return np.where(chosen >= len(train), 2, held_out.astype(np.int64))

    origin = origin_of_package("molsets 0.3.1", len(rows), seed)
    rule = "test: MOSES' own; validation: 5 % of its train set by chance, numpy RandomState(seed)"
    return Source("moses3d", rows, len(rows), read_row, origin, split, rule, chunk=CHUNK, slow=True)


def _moses_list(path: str | Path | None, part: str) -> list[str]:
    name = MOSES.format(part)
    try:
        if path is not None:
            with zipfile.ZipFile(path) as wheel:
                packed = wheel.read(name)
        else:
            spec = importlib.util.find_spec("moses")
            if spec is None or spec.origin is None:
                raise MissingPackageError(MOSES_REMEDY)
            packed = (Path(spec.origin).parents[1] / name).read_bytes()
        rows = csv.reader(gzip.decompress(packed).decode().splitlines())
        if next(rows, []) != ["SMILES"]:
            raise ValueError("its header is not 'SMILES'")
        return [row[0] for row in rows]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path or 'molsets'}: no {name} of molsets 0.3.1: {error}; {MOSES_REMEDY}") from error
