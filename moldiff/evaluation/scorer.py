"""What a score computes, and scores of several sets of molecules against references that are read once."""

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Record, as_records
from moldiff.evaluation.chemistry_reference import find_chemnet, held_out_row, read_chemistry_reference
from moldiff.evaluation.references import PathLike, read_data_score, read_distribution, read_known
from moldiff.io.formats import read_records
from moldiff.metrics.check_file import CheckFile
from moldiff.metrics.checks import MOST_CHECKED, CheckResult, find_checks, run_checks
from moldiff.metrics.chemistry_summary import ChemistrySummary
from moldiff.metrics.geometry import Measured
from moldiff.metrics.molecule_row import MoleculeRow
from moldiff.metrics.protocols import find_protocols
from moldiff.metrics.score import random_places
from moldiff.metrics.score import score as score_records
from moldiff.metrics.score_result import DataRow, Score
from moldiff.runtime.progress import Progress


@dataclass(frozen=True)
class ScoringOptions:
    """What is computed beside the strict rates, and what they are compared with.

    Attributes:
        reference: known molecules for novelty: a file, a prepared store such as `qm9`, or several of these.
        distances_to: molecules of the data, for distances of geometry and composition: a file, a prepared store, of
            which the test split is taken, or molecules.
        data_row: weights whose data's own score is shown beside, such as `qm9`.
        protocols: older protocols to count by as well: `distance-bonds`, `midi`, `geom-revised`.
        druglike: QED, synthetic accessibility, logP, diversity; with `reference` a Fréchet distance.
        checks: of valid molecules: `posebusters`, `mmff94`, `xtb`.
        most_checked: valid molecules that `checks` apply to, a random choice that is the same each time.
        num_workers: processes where there are thousands of molecules; by default one a core.
        chemistry: what a chemist looks at, ring systems first, is compared with this: `qm9`, `moses` or `chembl`, the
            file of a summary, a prepared store, or a file of molecules.
        check_file: results of checks are kept here as they come, and those that are there are not made again.
    """

    reference: PathLike | Iterable[PathLike] | set[str] | None = None
    distances_to: PathLike | Sequence[Molecule] | None = None
    data_row: str | None = None
    protocols: Sequence[str] = ()
    druglike: bool = False
    checks: Sequence[str] = ()
    most_checked: int = MOST_CHECKED
    num_workers: int | None = None
    chemistry: PathLike | None = None
    check_file: PathLike | None = None


class Scorer:
    """Scores several sets of molecules by the same options; the references are read once.

    Args:
        options: what to compute.
        console: shows progress; None for silence.
        report: called with a line on records of the reference that cannot be used.

    Attributes:
        measured: what the molecules of `distances_to` measure, if there are any.
        summary: what the chemistry is compared with, if it is.
        data: the data's own figures.
    """

    measured: Measured | None
    summary: ChemistrySummary | None
    data: DataRow

    def __init__(
        self, options: ScoringOptions, *, console: Console | None = None, report: Callable[[str], None] = warnings.warn
    ) -> None:
        self.options, self.console = options, console
        self.num_workers = options.num_workers or len(os.sched_getaffinity(0))
        self.checks, self.protocols = find_checks(options.checks), find_protocols(options.protocols)
        self.known = read_known(options.reference, report=report)
        own = None if options.data_row is None else read_data_score(options.data_row)
        self.summary, self.measured, self.data = None, None, DataRow(own)
        if options.chemistry is not None:
            self.summary = read_chemistry_reference(
                options.chemistry, console=console, num_workers=self.num_workers, report=report
            )
            self.data = replace(held_out_row(self.summary), score=own)
        if options.distances_to is not None:
            self.measured, data = read_distribution(
                options.distances_to,
                run_checks=self._run_checks if self.checks else None,
                most_checked=options.most_checked,
            )
            self.data = replace(self.data, distances=data.distances, checks=data.checks)

    def score(
        self,
        molecules: PathLike | Iterable[Any],
        *,
        num_requested: int | None = None,
        describe: bool = False,
        fcd: bool = True,
        keep: int = 0,
        on_row: Callable[[Record, MoleculeRow], None] | None = None,
    ) -> Score:
        """The score of one set of molecules.

        Args:
            molecules: as of `score`.
            num_requested: molecules requested; those without a record count against every rate.
            describe: what a chemist looks at in each molecule is in its row.
            fcd: compute the Fréchet ChemNet distance, where there is a chemistry to compare with.
            keep: valid molecules that stay in the score, a random choice that is the same each time.
            on_row: called with every record and all its figures, in order; with checks, all at the end.

        Returns:
            The score.
        """
        name = str(molecules) if isinstance(molecules, str | Path) else "molecules"
        most = self.options.most_checked if self.checks else 0
        waiting: deque[Record] = deque()
        pending: list[tuple[Record, MoleculeRow]] = []  # until they have been checked

        def records() -> Iterator[Record]:
            for record in _read(molecules):
                waiting.append(record)
                yield record

        with Progress(name, unit="molecules", console=self.console, transient=True) as progress:

            def take(row: MoleculeRow) -> None:
                record = waiting.popleft()
                progress.advance()
                if on_row is not None and self.checks:
                    pending.append((record, row))
                elif on_row is not None:
                    on_row(record, row)

            result = score_records(
                records(),
                reference=self.known,
                num_requested=num_requested,
                protocols=self.protocols,
                distances_to=self.measured,
                with_druglike=self.options.druglike,
                chemistry=self.summary,
                chemnet=find_chemnet(name, console=self.console) if fcd else None,
                describe=describe,
                keep=max(keep, most),
                on_row=take,
                num_workers=self.num_workers,
            )
        chosen = random_places(result.numbers, most) if self.checks else []
        numbers = [result.numbers[i] for i in chosen]
        checks = self._run_checks([result.molecules[i] for i in chosen], name, numbers) if self.checks else {}
        places = {number: place for place, number in enumerate(numbers)}
        for record, row in pending:
            place = places.get(row.number)
            found = {} if place is None else {check: of.results[place] for check, of in checks.items()}
            if on_row is not None:
                on_row(record, replace(row, checks=found))
        return replace(result, checks=checks, data=self.data)

    def _run_checks(
        self, molecules: Sequence[Molecule], name: str, numbers: Sequence[int] = ()
    ) -> Mapping[str, CheckResult]:
        total, file = len(self.checks) * len(molecules), self.options.check_file
        with (
            Progress(f"{name}: checks", total=total, console=self.console, transient=True) as progress,
            nullcontext() if file is None else CheckFile(file) as made,
        ):
            return run_checks(
                molecules,
                self.checks,
                numbers=numbers,
                made=made,
                num_workers=self.num_workers,
                on_checked=progress.advance,
            )


def _read(molecules: PathLike | Iterable[Any]) -> Iterator[Record]:
    if isinstance(molecules, str | Path):
        return (record for _, record in read_records(molecules))
    if not isinstance(molecules, Iterable):
        return as_records(molecules)
    return as_records(_record_of(value) for value in molecules)


def _record_of(value: Any) -> Any:
    """The molecule of a `moldiff.generation.sample.Sample`, or why there is none; anything else as it is."""
    if hasattr(value, "molecule") and hasattr(value, "result"):
        return value.result if value.molecule is None else value.molecule
    return value
