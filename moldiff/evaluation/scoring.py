"""Scores as `moldiff score` and `moldiff compare` give them, from Python."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from moldiff.chem.molecule import Molecule
from moldiff.errors import ConfigError
from moldiff.evaluation.references import PathLike
from moldiff.evaluation.scorer import Scorer, ScoringOptions
from moldiff.metrics.checks import MOST_CHECKED
from moldiff.metrics.molecule_row import MoleculeRow
from moldiff.metrics.score_result import Score


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
    chemistry: PathLike | None = None,
    check_file: PathLike | None = None,
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
        most_checked: valid molecules that `checks` apply to, a random choice that is the same each time.
        num_workers: processes where there are thousands of molecules; by default one a core.
        chemistry: what a chemist looks at, ring systems first, is compared with this: `qm9`, `moses` or `chembl`, the
            file of a summary, a prepared store, or a file of molecules. Novelty is counted against it, too, without
            `reference`.
        check_file: results of checks are kept here as they come, and those that are there are not made again.

    Returns:
        The rates, with a row for each record; `to_dict()` for JSON, `to_pandas()` and `molecules_to_pandas()` for data
        frames.

    Raises:
        ConfigError: if there is no protocol or check of a name.
        DataError: if a file cannot be used, or something that is no molecule is among the records.
    """
    options = ScoringOptions(
        reference,
        distances_to,
        data_row,
        tuple(protocols),
        druglike,
        tuple(checks),
        most_checked,
        num_workers,
        chemistry,
        check_file,
    )
    rows: list[MoleculeRow] = []
    result = Scorer(options).score(molecules, num_requested=num_requested, on_row=lambda _, row: rows.append(row))
    return replace(result, rows=tuple(rows))


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
