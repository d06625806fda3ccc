"""Scores as `moldiff score` and `moldiff compare` give them, from Python."""

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Record, Verdict, as_records
from moldiff.errors import ConfigError
from moldiff.evaluation.references import PathLike, read_data_score, read_distribution, read_known
from moldiff.io.formats import read_records
from moldiff.metrics.checks import MOST_CHECKED, CheckResult, find_checks, run_checks
from moldiff.metrics.protocols import find_protocols
from moldiff.metrics.score import DataRow, Score
from moldiff.metrics.score import score as score_records
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
        most_checked: valid molecules that `checks` apply to, the first ones.
        num_workers: processes where there are thousands of molecules; by default one a core.
    """

    reference: PathLike | Iterable[PathLike] | set[str] | None = None
    distances_to: PathLike | Sequence[Molecule] | None = None
    data_row: str | None = None
    protocols: Sequence[str] = ()
    druglike: bool = False
    checks: Sequence[str] = ()
    most_checked: int = MOST_CHECKED
    num_workers: int | None = None


class Scorer:
    """Scores several sets of molecules by the same options; the references are read once.

    Args:
        options: what to compute.
        console: shows progress; None for silence.
        report: called with a line on records of the reference that cannot be used.

    Attributes:
        measured: what the molecules of `distances_to` measure, if there are any.
        data: the data's own figures.
    """

    def __init__(
        self, options: ScoringOptions, *, console: Console | None = None, report: Callable[[str], None] = warnings.warn
    ) -> None:
        self.options, self.console = options, console
        self.num_workers = options.num_workers or len(os.sched_getaffinity(0))
        self.checks, self.protocols = find_checks(options.checks), find_protocols(options.protocols)
        self.known = read_known(options.reference, report=report)
        own = None if options.data_row is None else read_data_score(options.data_row)
        self.measured, self.data = None, DataRow(own)
        if options.distances_to is not None:
            self.measured, data = read_distribution(
                options.distances_to,
                run_checks=self._run_checks if self.checks else None,
                most_checked=options.most_checked,
            )
            self.data = replace(data, score=own)

    def score(
        self,
        molecules: PathLike | Iterable[Any],
        *,
        num_requested: int | None = None,
        keep: int = 0,
        on_record: Callable[[Record, Verdict], None] | None = None,
    ) -> Score:
        """The score of one set of molecules.

        Args:
            molecules: as of `score`.
            num_requested: molecules requested; those without a record count against every rate.
            keep: valid molecules that stay in the score, the first ones.
            on_record: called with every record and its verdict, in order.

        Returns:
            The score.
        """
        name = str(molecules) if isinstance(molecules, str | Path) else "molecules"
        waiting: deque[Record] = deque()

        def records() -> Iterator[Record]:
            for record in _read(molecules):
                waiting.append(record)
                yield record

        with Progress(name, unit="molecules", console=self.console, transient=True) as progress:

            def count(verdict: Verdict) -> None:
                record = waiting.popleft()
                progress.advance()
                if on_record is not None:
                    on_record(record, verdict)

            result = score_records(
                records(),
                reference=self.known,
                num_requested=num_requested,
                protocols=self.protocols,
                distances_to=self.measured,
                with_druglike=self.options.druglike,
                keep=max(keep, self.options.most_checked if self.checks else 0),
                on_verdict=count,
                num_workers=self.num_workers,
            )
        checks = self._run_checks(result.molecules[: self.options.most_checked], name) if self.checks else {}
        return replace(result, checks=checks, data=self.data)

    def _run_checks(self, molecules: Sequence[Molecule], name: str) -> Mapping[str, CheckResult]:
        total = len(self.checks) * len(molecules)
        with Progress(f"{name}: checks", total=total, console=self.console, transient=True) as progress:
            return run_checks(molecules, self.checks, num_workers=self.num_workers, on_checked=progress.advance)


def score(
    molecules: PathLike | Iterable[Any],
    *,
    reference: PathLike | Iterable[PathLike] | set[str] | None = None,
    num_requested: int | None = None,
    distances_to: PathLike | Sequence[Molecule] | None = None,
    data_row: str | None = None,
    protocols: Sequence[str] = (),
    druglike: bool = False,
    checks: Sequence[str] = (),
    most_checked: int = MOST_CHECKED,
    num_workers: int | None = None,
) -> Score:
    """Scores molecules strictly: nothing is repaired, and every rate shows its count. `print` shows the tables.

    Args:
        molecules: samples, `Molecule`s, RDKit molecules with all hydrogens, or None where one was not read; or a file
            or folder of them (.sdf, .xyz, .smi, .csv).
        reference: known molecules for novelty: a file, a prepared store such as `qm9`, or several of these.
        num_requested: molecules requested; those without a record count against every rate.
        distances_to: molecules of the data, for distances of geometry and composition: a file, a prepared store, of
            which the test split is taken, or molecules.
        data_row: weights whose data's own score is shown beside, such as `qm9`.
        protocols: older protocols to count by as well: `distance-bonds`, `midi`, `geom-revised`.
        druglike: QED, synthetic accessibility, logP, diversity; with `reference` a Fréchet distance.
        checks: of valid molecules: `posebusters`, `mmff94`, `xtb`.
        most_checked: valid molecules that `checks` apply to, the first ones.
        num_workers: processes where there are thousands of molecules; by default one a core.

    Returns:
        The rates, with a verdict for each record; `to_dict()` for JSON, `to_pandas()` for a data frame.

    Raises:
        ConfigError: if there is no protocol or check of a name.
        DataError: if a file cannot be used, or something that is no molecule is among the records.
    """
    options = ScoringOptions(
        reference, distances_to, data_row, tuple(protocols), druglike, tuple(checks), most_checked, num_workers
    )
    verdicts: list[Verdict] = []
    result = Scorer(options).score(
        molecules, num_requested=num_requested, on_record=lambda _, verdict: verdicts.append(verdict)
    )
    return replace(result, verdicts=tuple(verdicts))


def compare(
    molecules: Mapping[str, PathLike | Iterable[Any]] | Sequence[PathLike],
    *,
    options: ScoringOptions | None = None,
    console: Console | None = None,
    report: Callable[[str], None] = warnings.warn,
) -> dict[str, Score]:
    """Scores of several sets of molecules by the same rules.

    Args:
        molecules: sets of molecules, as of `score`, by name; or two or more different files.
        options: what to compute.
        console: shows progress; None for silence.
        report: called with a line on records of the reference that cannot be used.

    Returns:
        The scores, by name; `moldiff.metrics.console.render_comparison` shows them side by side.

    Raises:
        ConfigError: if there are fewer than two, or one file comes twice.
    """
    if not isinstance(molecules, Mapping):
        names = [str(file) for file in molecules]
        if len(set(names)) < len(names):
            raise ConfigError(f"compare: expected two or more different files, got {', '.join(names)}")
        molecules = dict(zip(names, molecules, strict=True))
    if len(molecules) < 2:
        raise ConfigError(f"compare: expected two or more different files, got {', '.join(molecules)}")
    scorer = Scorer(options or ScoringOptions(), console=console, report=report)
    return {name: scorer.score(source) for name, source in molecules.items()}


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
