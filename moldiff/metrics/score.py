"""Rates of a set of molecules, each with its numerator and its denominator.

The denominator is everything that was requested, failures included, except where the name of the rate says
otherwise: atoms are counted among atoms read, uniqueness among valid molecules, novelty among unique valid ones.
"""

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Record, as_records, has_stereo
from moldiff.errors import DataError
from moldiff.io.formats import read_records, read_reference
from moldiff.metrics.chemistry import ChemistryTally, ChemNet
from moldiff.metrics.chemistry_summary import ChemistrySummary
from moldiff.metrics.druglike import druglike
from moldiff.metrics.geometry import Measured, geometry_distances
from moldiff.metrics.molecule_row import STEPS, MoleculeRow
from moldiff.metrics.protocols import Tally, find_protocols
from moldiff.metrics.rate import Rate
from moldiff.metrics.records import Examination, Rules, examine_all
from moldiff.metrics.score_result import Score


def score(
    records: Iterable[Record | None],
    *,
    reference: set[str] | None = None,
    num_requested: int | None = None,
    protocols: Sequence[str] = (),
    distances_to: Sequence[Molecule] | Measured | None = None,
    with_druglike: bool = False,
    chemistry: ChemistrySummary | None = None,
    chemnet: ChemNet | None = None,
    describe: bool = False,
    keep: int = 0,
    on_row: Callable[[MoleculeRow], None] | None = None,
    num_workers: int = 1,
) -> Score:
    """Rates of records in memory; `moldiff.score` reads files and stores for it.

    Args:
        records: molecules, RDKit molecules that need not be sanitised, None or failures where one was not read;
            taken as they are needed.
        reference: canonical SMILES as of `moldiff.io.formats.read_reference`; without it no novelty, and without stereo
            in it no novelty with stereo.
        num_requested: molecules requested; those without a record count against every rate.
        protocols: names of `moldiff.metrics.protocols`, for rates by their rules as well.
        distances_to: molecules of the data, best not those trained on, for distances of geometry and composition; or
            what `moldiff.metrics.geometry.measure` makes of them.
        with_druglike: also compute descriptors of the valid molecules; a few milliseconds each.
        chemistry: what a chemist looks at is compared with this, and novelty is counted against it where `reference` is
            None; about ten milliseconds a molecule.
        chemnet: as of `moldiff.metrics.chemistry.compare_chemistry`.
        describe: what a chemist looks at in each molecule is in its row; always so with `chemistry`.
        keep: so many valid molecules, a random choice that is the same each time, stay in `Score.molecules`.
        on_row: called with all figures of every record, in order. The score does not keep them then, and of millions of
            records only the SMILES of the unique ones stay in memory.
        num_workers: processes that share the work where the records are many.

    Returns:
        The rates. Stable means the strict Kekulé table of `moldiff.chem.valence`.

    Raises:
        ConfigError: if there is no protocol of a name.
        DataError: if there are more records than were requested, or one is of another kind.
    """
    most = sys.maxsize if distances_to else keep
    rules = Rules(find_protocols(protocols), keep=most > 0, describe=describe or chemistry is not None)
    kept, tallies = _RandomSubset(most), [Tally() for _ in rules.protocols]
    counts = _Counts(reference, chemistry, kept, tallies, with_druglike)
    rows: list[MoleculeRow] = []
    for result in examine_all(as_records(records), rules, num_workers=num_workers):
        (on_row or rows.append)(counts.add(result))
    total = counts.of["records"] if num_requested is None else num_requested
    counts.failures["missing"] += total - counts.of["records"]
    if counts.failures["missing"] < 0:
        raise DataError(
            f"{counts.of['records']} records came but only {total} were requested; correct the number requested"
        )
    molecules = kept.chosen()
    all_of_them = [molecule for _, molecule in molecules]
    molecules = [molecules[place] for place in random_places([number for number, _ in molecules], keep)]
    return Score(
        total,
        counts.rates(total),
        {reason: count for reason, count in counts.failures.most_common() if count},
        {name: _rates(tally, total) for name, tally in zip(rules.protocols, tallies, strict=True)},
        geometry_distances(all_of_them, distances_to) if all_of_them and distances_to else {},
        druglike(counts.smiles, reference),
        chemistry=counts.chemistry.result(chemnet=chemnet) if counts.chemistry else None,
        molecules=tuple(molecule for _, molecule in molecules),
        numbers=tuple(number for number, _ in molecules),
        known_by=None
        if chemistry is None
        else (chemistry.name, chemistry.name if reference is None else "the reference"),
        examples=counts.examples,
        rows=tuple(rows),
    )


def random_places(numbers: Sequence[int], most: int) -> list[int]:
    """Places of at most so many of some records, at random and the same in every run, in order."""
    if len(numbers) <= most:
        return list(range(len(numbers)))
    return sorted(sorted(range(len(numbers)), key=lambda place: _random_rank(numbers[place]))[:most])


def _random_rank(number: int) -> bytes:
    """A place in a random order of all records that is the same in every run: the first few are a random choice."""
    return hashlib.blake2b(str(number).encode(), digest_size=8).digest()


class _RandomSubset:
    """So many of the molecules that come, the first by `_random_rank`, so that a smaller subset is part of a larger."""

    def __init__(self, most: int) -> None:
        self.most, self.kept = most, list[tuple[bytes, int, Molecule]]()

    def add(self, number: int, molecule: Molecule) -> None:
        """Offers the next one."""
        self.kept.append((_random_rank(number), number, molecule))
        if len(self.kept) > 2 * self.most + 1000:
            self._cut()

    def _cut(self) -> None:
        self.kept.sort(key=lambda item: item[0])
        del self.kept[self.most :]

    def chosen(self) -> list[tuple[int, Molecule]]:
        """In the order in which they came."""
        self._cut()
        return sorted(((number, molecule) for _, number, molecule in self.kept), key=lambda item: item[0])


class _Counts:
    """What is counted of the records that came so far."""

    def __init__(
        self,
        reference: set[str] | None,
        summary: ChemistrySummary | None,
        kept: _RandomSubset,
        tallies: list[Tally],
        with_druglike: bool,
    ) -> None:
        self.reference, self.summary, self.kept = reference, summary, kept
        self.tallies, self.with_druglike = tallies, with_druglike
        self.chemistry = None if summary is None else ChemistryTally(summary)
        self.of: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.unique: set[str] = set()
        self.unique_with_stereo: set[str] = set()
        self.joint: set[str] = set()
        self.smiles: list[str] = []

    def add(self, result: Examination) -> MoleculeRow:
        """Counts one record."""
        verdict, found = result.verdict, result.chemistry
        self.of["records"] += 1
        self.of["atoms"] += verdict.num_atoms
        self.of["stable_atoms"] += verdict.num_stable_atoms
        self.of.update(step for step in STEPS if getattr(verdict, step))
        for tally, by_protocol in zip(self.tallies, result.by_protocol, strict=False):
            tally.add(by_protocol)
        if verdict.failure is not None:
            self.failures[verdict.failure.reason] += 1
            self.examples.setdefault(verdict.failure.reason, verdict.failure.detail)
            return MoleculeRow(self.of["records"], verdict)
        first, novel = verdict.smiles not in self.unique, self._is_novel(verdict.smiles)
        self.of["novel"] += first and bool(novel)
        self.unique.add(verdict.smiles)
        self.unique_with_stereo.add(verdict.stereo_smiles)
        self.smiles += [verdict.smiles] if self.with_druglike else []
        if result.molecule is not None:
            self.kept.add(self.of["records"], result.molecule)
        unknown = None
        if found is not None and self.chemistry is not None:
            unknown = tuple(self.chemistry.add(found))
            found = replace(found, structure=replace(found.structure, environments={}))  # no longer needed, and large
            held = {"plausible": found.plausible, "rings_known": not unknown}
            self.of.update(name for name, holds in held.items() if holds)
            if all(held.values()) and novel is not False:
                self.joint.add(verdict.smiles)
        return MoleculeRow(self.of["records"], verdict, first, novel, found, unknown)

    def _is_novel(self, smiles: str) -> bool | None:
        if self.reference is not None:
            return smiles not in self.reference
        if self.summary is None or not len(self.summary.molecules):
            return None
        return bool(self.summary.unknown("molecules", [smiles]))

    def rates(self, total: int) -> dict[str, Rate]:
        """All rates of so many requested; those that a chemist asks for come first."""
        rates = {}
        if self.chemistry is not None:
            rates["joint"] = Rate(len(self.joint), total)
            rates["plausible"] = Rate(self.of["plausible"], total)
            rates["rings_known"] = Rate(self.of["rings_known"], total)
        rates |= {step: Rate(self.of[step], total) for step in STEPS}
        rates["stable_atoms_of_read"] = Rate(self.of["stable_atoms"], self.of["atoms"])
        rates["unique_of_valid"] = Rate(len(self.unique), self.of["valid"])
        rates["unique_with_stereo_of_valid"] = Rate(len(self.unique_with_stereo), self.of["valid"])
        rates["valid_and_unique"] = Rate(len(self.unique), total)
        if self._is_novel("") is not None:
            rates["novel_of_unique"] = Rate(self.of["novel"], len(self.unique))
            if self.reference is not None and any(map(has_stereo, self.reference)):
                of_stereo = len(self.unique_with_stereo - self.reference)
                rates["novel_with_stereo_of_unique"] = Rate(of_stereo, len(self.unique_with_stereo))
            rates["valid_unique_and_novel"] = Rate(self.of["novel"], total)
        return rates


def _rates(tally: Tally, total: int) -> dict[str, Rate]:
    return {
        "stable_atoms": Rate(tally.stable_atoms, tally.atoms),
        "stable": Rate(tally.stable, total),
        "valid": Rate(tally.valid, total),
        "valid_and_unique": Rate(len(tally.unique), total),
    }


def score_file(path: str | Path, *, reference: str | Path | None = None, **options: Any) -> Score:
    """`score`, with its options, of a file as of `read_records`, against a reference as of `read_reference`."""
    known = None if reference is None else read_reference(reference)[0]
    return score((record for _, record in read_records(path)), reference=known, **options)
