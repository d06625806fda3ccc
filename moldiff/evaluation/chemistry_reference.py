"""Reference molecules that the chemistry of a score is compared with, and what molecules left out of them score."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from moldiff.chem.validity import Record, has_stereo
from moldiff.data.reference import store_at
from moldiff.errors import DataError
from moldiff.io.formats import read_reference
from moldiff.metrics.chemistry import ChemistryComparison, ChemNet, chemnet_distance, moments_of
from moldiff.metrics.chemistry_summary import SUMMARIES, ChemistrySummary, load_summary, read_summary
from moldiff.metrics.druglike import Moments
from moldiff.metrics.score import score
from moldiff.metrics.score_result import DataRow, Score
from moldiff.metrics.summarise import summarise
from moldiff.runtime.progress import Progress

MOST_HELD_OUT = 2000  # molecules
SIZES = (100, 250, 500, 1000, 2000)  # of which the Fréchet ChemNet distance is computed
_SEED = 0  # of the choice among the test split


def read_chemistry_reference(
    source: str | Path, *, console: Console | None = None, num_workers: int = 1, report: Callable[[str], None]
) -> ChemistrySummary:
    """What is known of some reference molecules.

    Args:
        source: a shipped summary, `qm9`, `moses` or `chembl`; the file of another (.safetensors); a prepared store, of
            which the train split is summarised, and up to 2,000 molecules of the test split are scored against it; or a
            file of molecules (.sdf, .smi, .csv). Molecules take about 4 ms each, and the 20,000 that quantiles and
            ChemNet see 15 ms more.
        console: shows progress; None for silence.
        num_workers: processes.
        report: called with a line on records that cannot be used.

    Returns:
        The summary.

    Raises:
        DataError: if it cannot be read, or holds no molecule.
    """
    if str(source) in SUMMARIES:
        return load_summary(str(source))
    if Path(source).suffix == ".safetensors":
        return read_summary(source)
    store = store_at(Path(source))
    if store is None:
        known, failed = read_reference(source)
        smiles = sorted(one for one in known if not has_stereo(one))
        if failed:
            reasons = ", ".join(f"{count} {reason}" for reason, count in failed.most_common())
            report(f"{source}: {len(smiles)} molecules known; not usable: {reasons}")
    else:
        smiles = [text for index in store.split("train") if (text := store.smiles(int(index)))]
    if not smiles:
        raise DataError(f"{source}: no molecule to compare chemistry with; give the file that it was made from")
    with Progress(f"{source}: chemistry", total=len(smiles), unit="molecules", console=console, transient=True) as bar:
        summary = summarise(
            smiles,
            name=str(source),
            source=str(source),
            chemnet=find_chemnet(),
            num_workers=num_workers,
            on_read=bar.advance,
        )
    if store is None:
        return summary
    test = store.split("test")
    chosen = np.random.default_rng(_SEED).permutation(test)[:MOST_HELD_OUT]
    return with_held_out(summary, [store.molecule(int(index)) for index in chosen], num_workers=num_workers)


def with_held_out(summary: ChemistrySummary, records: Sequence[Record], *, num_workers: int = 1) -> ChemistrySummary:
    """A summary that also holds the score of molecules that are not in it, its first row to be believed.

    Args:
        summary: of the reference.
        records: molecules of the same data.
        num_workers: processes.

    Returns:
        The summary with the score; as it was, of no records.
    """
    if not records:
        return summary
    result = score(
        records, chemistry=summary, chemnet=find_chemnet(), on_row=(rows := []).append, num_workers=num_workers
    )
    smiles = [row.verdict.smiles for row in rows if row.verdict.valid]
    if result.chemistry is None:
        return summary
    held_out = {
        "score": {name: value for name, value in result.to_dict().items() if name != "chemistry"},
        "chemistry": result.chemistry.to_dict(),
        "fcd_by_size": {str(size): value for size, value in _distances(smiles, summary).items()},
    }
    return replace(summary, held_out=held_out)


def _distances(smiles: Sequence[str], summary: ChemistrySummary) -> dict[int, float]:
    """Fréchet ChemNet distances of the first so many."""
    if find_chemnet() is None or summary.moments is None:
        return {}
    from moldiff.pretrained.chemnet import chemnet_activations

    rows, found = chemnet_activations(smiles), {}
    for size in (*(size for size in SIZES if size < len(smiles)), len(smiles)):
        distance = chemnet_distance(moments_of(rows[:size]), summary) if size > 1 else None
        found |= {} if distance is None else {size: distance}
    return found


def held_out_row(summary: ChemistrySummary) -> DataRow:
    """What molecules that were left out of a summary score.

    Args:
        summary: of the reference.

    Returns:
        Their score; nothing of a summary that knows none.

    Raises:
        DataError: if the summary holds something else.
    """
    if not summary.held_out:
        return DataRow()
    try:
        own: dict[str, Any] = dict(summary.held_out)
        chemistry = ChemistryComparison.from_dict(own["chemistry"])
        by_size = {int(size): float(value) for size, value in own["fcd_by_size"].items()}
        return DataRow(held_out=replace(Score.from_dict(own["score"]), chemistry=chemistry), fcd_by_size=by_size)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{summary.name}: no score of molecules left out: {error}; make the summary again") from error


def find_chemnet(name: str = "", *, console: Console | None = None) -> ChemNet | None:
    """ChemNet, where fcd_torch is installed, with progress under the name of what it sees; otherwise None."""
    if find_spec("fcd_torch") is None:
        return None

    def moments(counts: Mapping[str, int]) -> Moments:
        from moldiff.pretrained.chemnet import chemnet_moments

        with Progress(f"{name}: ChemNet", total=len(counts), console=console, transient=True) as progress:
            return chemnet_moments(counts, on_batch=progress.advance)

    return moments
