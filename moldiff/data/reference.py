"""Reference molecules that novelty is counted against, from files and stores."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moldiff.data.store.dataset import MoleculeStore


def store_at(source: Path) -> "MoleculeStore | None":
    """The prepared store of a folder or a name; None for a file, there or not."""
    if source.suffix and not os.path.isdir(source):
        return None
    from moldiff.data.store.dataset import MoleculeStore, find_store

    return MoleculeStore(find_store(str(source)))


def read_references(files: list[Path] | None, *, report: Callable[[str], None]) -> set[str] | None:
    """The canonical SMILES of all files and train splits together; `report` gets a line on records of no use."""

    from moldiff.chem.validity import has_stereo
    from moldiff.errors import DataError
    from moldiff.io.formats import read_reference
    from moldiff.io.smiles import all_identities

    if not files:
        return None
    known: set[str] = set()
    for file in files:
        store = store_at(file)
        if store is not None:
            smiles = [smiles for index in store.split("train") if (smiles := store.smiles(int(index)))]
            if not smiles:
                raise DataError(f"{file}: this store has no SMILES to be novel against; give the file it was made from")
            known |= all_identities(smiles)
            continue
        found, failed = read_reference(file)
        known |= found
        if failed:
            usable = sum(not has_stereo(smiles) for smiles in found)
            reasons = ", ".join(f"{count} {reason}" for reason, count in failed.most_common())
            report(f"{file}: {usable} molecules known; not usable: {reasons}")
    return known
