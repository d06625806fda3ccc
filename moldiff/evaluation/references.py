"""What a score is compared with: known molecules, distributions of the data, and the data's own figures."""

import errno
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moldiff.chem.molecule import Molecule
from moldiff.data.reference import read_references, store_at
from moldiff.errors import DataError, OutputError, WeightsError
from moldiff.io.formats import read_molecules
from moldiff.io.text import printable
from moldiff.metrics.checks import CheckResult
from moldiff.metrics.geometry import Measured, geometry_distances, measure
from moldiff.metrics.score_result import DataRow, Score

if TYPE_CHECKING:
    from moldiff.data.store.dataset import MoleculeStore

PathLike = str | Path
RunChecks = Callable[[Sequence[Molecule], str], Mapping[str, CheckResult]]


def read_known(
    reference: "PathLike | Iterable[PathLike] | set[str] | None", *, report: Callable[[str], None]
) -> set[str] | None:
    """Canonical SMILES of known molecules.

    Args:
        reference: a file, a prepared store, several of these, or the SMILES as of `moldiff.io.formats.read_reference`.
        report: called with a line on records that cannot be used.

    Returns:
        The SMILES; None without a reference.
    """
    if reference is None:
        return None
    if isinstance(reference, set):
        return {str(smiles) for smiles in reference}
    sources = [reference] if isinstance(reference, str | Path) else reference
    return read_references([Path(source) for source in sources], report=report)


def refuse_to_replace(source: object, *outs: PathLike | None) -> None:
    """Before a file is opened for writing: what is read must be there, and must be no file that is to be written.

    Args:
        source: a path, or anything else that is passed over.
        *outs: files to be written; None for none.

    Raises:
        DataError: if the source is a path, and nothing is there.
        OutputError: if it is written to.
    """
    if not isinstance(source, str | Path):
        return
    if not os.path.exists(source):
        raise DataError(f"{printable(source)}: cannot be read: {os.strerror(errno.ENOENT)}")
    for out in outs:
        if (
            out is not None
            and os.path.exists(out)
            and (os.path.samefile(source, out) or os.path.samefile(source, Path(out).parent))
        ):
            raise OutputError(f"{out}: is read as well; choose another name")


def read_data_score(weights: str) -> Score:
    """The data's own score, as the weights carry it; if they carry none it is a `WeightsError`."""
    from moldiff.pretrained.format import find_weights, read_statistics

    row = read_statistics(find_weights(weights)).score
    if row is None:
        raise WeightsError(f"{weights}: these weights carry no score of their data; leave --data-row out")
    return Score.from_dict(row)


def read_distribution(
    source: PathLike | Sequence[Molecule], *, run_checks: RunChecks | None = None, most_checked: int
) -> tuple[Measured, DataRow]:
    """What molecules of the data measure; of a store the test split, beside as many molecules of its train split.

    Args:
        source: a file, a store, or molecules.
        run_checks: checks some of the molecules; called with them and the name of the source.
        most_checked: how many of them, at random.

    Returns:
        What they measure, and the data's own figures.

    Raises:
        DataError: if no record of the file can be used; one that cannot is left out.
    """
    chance, train = np.random.default_rng(0), []
    store: MoleculeStore | None = store_at(Path(source)) if isinstance(source, str | Path) else None
    name = str(source) if isinstance(source, str | Path) else "the molecules of the data"
    if store is not None:
        molecules = [store.molecule(int(index)) for index in store.split("test")]
        some = chance.permutation(store.split("train"))[: len(molecules)]
        train = [store.molecule(int(index)) for index in some]
    elif isinstance(source, str | Path):
        molecules = [record for _, record in read_molecules(source) if isinstance(record, Molecule)]
    else:
        molecules = list(source)
    if not molecules:
        raise DataError(f"{name}: no molecule to measure distances to; give another file or store")
    measured = measure(molecules)
    distances = geometry_distances(train, measured) if train else {}
    if run_checks is None:
        return measured, DataRow(distances=distances)
    chosen = [molecules[index] for index in chance.permutation(len(molecules))[:most_checked]]
    return measured, DataRow(distances=distances, checks=run_checks(chosen, name))
