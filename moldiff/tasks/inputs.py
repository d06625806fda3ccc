"""The molecules that a task is given: files, SMILES, RDKit molecules and others, and which of them it can complete."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from moldiff.chem.bond_perception import from_ase
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import convert, title, to_rdkit
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.validity import Checked, Record
from moldiff.errors import DataError, MoldiffError
from moldiff.generation.sample import Sample
from moldiff.io.formats import read_molecules, read_records
from moldiff.tasks.refused import Refused

Item = TypeVar("Item")
Molecules = Any  # a SMILES, a file, a Molecule, an RDKit molecule or ASE's atoms; or a sequence of these
SMILES = "SMILES"  # label of what is no file


@dataclass(frozen=True)
class Usable:
    """What a task can complete, and what it cannot.

    Attributes:
        items: made of the records that it can complete.
        refused: the other records, by a label that names the file and the record.
    """

    items: list[Any]
    refused: dict[str, Refused]

    def check(self, source: str) -> None:
        """Refuses an input of which nothing is left.

        Args:
            source: of the records, for the message.

        Raises:
            DataError: with the first reason.
        """
        if not self.items:
            label, why = next(iter(self.refused.items()), (source, "has no molecules"))
            more = f" (and {len(self.refused) - 1} more)" if len(self.refused) > 1 else ""
            raise DataError(f"{label}: {why}{more}")

    def in_place(self, samples: Iterable[Sample], num_each: int) -> list[Sample]:
        """Samples in the order of the records, with a failure for each one of a record that was refused.

        Args:
            samples: `num_each` of each item, in order.
            num_each: samples of each record.

        Returns:
            The list; the index of a sample is its place.
        """
        refused, coming, out = {one.number: one for one in self.refused.values()}, iter(samples), list[Sample]()
        for number in range(1, len(self.items) + len(refused) + 1):
            for _ in range(num_each):
                one = refused.get(number)
                sample = next(coming) if one is None else Sample(0, Failure(one.reason, one.detail), None)
                out.append(replace(sample, index=len(out)))
        return out


def records_of(molecules: Molecules, *, stars: bool = False) -> tuple[str, Iterable[tuple[int, Checked]]]:
    """Numbered RDKit molecules with bonds, and a label for messages.

    Args:
        molecules: a file, a SMILES, a molecule, or a sequence of molecules and SMILES.
        stars: let attachment points pass.

    Returns:
        The name of the file, or what stands for it; and the records.

    Raises:
        DataError: if text is neither a file nor a SMILES.
    """
    if isinstance(molecules, Path) or (isinstance(molecules, str) and os.path.exists(molecules)):
        return Path(molecules).name, read_records(molecules, stars=stars)
    if isinstance(molecules, str):
        record = record_of_smiles(molecules, stars=stars)
        if isinstance(record, Failure) and record.reason == "unreadable":
            raise DataError(f"{molecules[:80]!r} is neither a file nor a SMILES")
        return SMILES, [(1, record)]
    return "molecules", enumerate((_record(one, stars) for one in _several(molecules)), start=1)


def geometries_of(molecules: Molecules) -> tuple[str, Iterable[tuple[int, Molecule | Failure]]]:
    """Numbered molecules with coordinates, as `records_of`; also ASE's atoms, but no SMILES."""
    if isinstance(molecules, str | Path):
        return Path(molecules).name, read_molecules(molecules)
    return "molecules", enumerate((_geometry(one) for one in _several(molecules)), start=1)


def usable(
    label: str,
    records: Iterable[tuple[int, Record]],
    check: Callable[[Any], object] = lambda item: None,
    *,
    make: "Callable[[Any], Item | Failure] | None" = None,
) -> Usable:
    """The records that a task can complete, and the others with the reason, before anything is sampled.

    Args:
        label: of the file, for messages.
        records: of a reader.
        check: raises what speaks against an item.
        make: an item of a record; without it the record is one.

    Returns:
        The items, and what was refused.
    """
    good: list[Any] = []
    refused: dict[str, Refused] = {}
    for number, record in records:
        result: Any = record
        try:
            result = make(record) if make is not None and not isinstance(record, Failure) else record
            if not isinstance(result, Failure):
                check(result)
        except MoldiffError as error:
            result = Failure(type(error).__name__.removesuffix("Error").lower(), str(error))
        if isinstance(result, Failure):
            refused[f"{label}, record {number}"] = Refused(number, title(record), result.reason, result.detail)
        else:
            good.append(result)
    return Usable(good, refused)


def _several(molecules: Any) -> Sequence[Any] | Iterator[Any]:
    """A sequence as it is; anything else is one molecule. ASE's atoms are a sequence of atoms, and one molecule."""
    one = isinstance(molecules, Molecule) or hasattr(molecules, "get_atomic_numbers") or hasattr(molecules, "GetAtoms")
    return [molecules] if one else molecules


def _record(one: Any, stars: bool) -> Checked:
    if isinstance(one, Sample):
        return one.result
    if isinstance(one, str):
        return record_of_smiles(one, stars=stars)
    return to_rdkit(one) if isinstance(one, Molecule) else one


def _geometry(one: Any) -> Molecule | Failure:
    if isinstance(one, Sample):
        return one.molecule or (one.failure or Failure("coordinates", "none"))
    if isinstance(one, Molecule | Failure):
        return one
    return from_ase(one) if hasattr(one, "get_atomic_numbers") else convert(one)
