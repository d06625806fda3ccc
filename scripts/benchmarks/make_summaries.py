"""Makes the summaries of reference molecules for `moldiff score --chemistry`, in `moldiff/metrics/summaries`.

python scripts/benchmarks/make_summaries.py qm9 moses chembl

Needs `pip install 'moldiff[qm9,score]'` and `pip install --no-deps molsets moleculeace`. QM9: the train split of the
literature, 100,000 molecules. MOSES: 200,000 random molecules of its train set. ChEMBL: the bioactive molecules of
moleculeace's 30 targets, as `relax_xtb.py` reads them. Of each, 20,000 random ones for quantiles, alerts and ChemNet.

Each is scored against 2,000 molecules that are not in it: random ones of the test split, of ChEMBL random ones that
are left out of the summary. QM9's have their own geometry, the others one by ETKDG and MMFF94; those that have none are
passed over. `--held-out` makes these scores anew and leaves the rest of the file as it is.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from rdkit import rdBase
from relax_xtb import chembl

import moldiff
from moldiff.chem.conformer import embed_smiles
from moldiff.chem.molecule import Molecule
from moldiff.chem.process_pool import map_in_processes
from moldiff.data.sources.moses import moses_source
from moldiff.data.sources.qm9 import literature_split, qm9pack_source, read_qm9pack
from moldiff.evaluation.chemistry_reference import MOST_HELD_OUT, with_held_out
from moldiff.metrics.chemistry_summary import read_summary
from moldiff.metrics.summarise import MOST_SAMPLED, summarise
from moldiff.pretrained.chemnet import chemnet_moments

NUM_MOSES = 200_000  # molecules
NUM_MOSES_TRAIN, NUM_MOSES_TEST = 1_584_663, 176_074  # its train set comes first, then its test set
SECONDS = 60.0  # limit of an embedding
FOLDER = Path(moldiff.__file__).parent / "metrics" / "summaries"
Parts = tuple[list[str], str, Iterable[Molecule]]  # SMILES, their source, molecules that are not among them


def qm9(workers: int) -> Parts:
    """Train and test split."""
    rows = list(qm9pack_source().records)
    split = literature_split(len(rows))
    read = (read_qm9pack(rows[i]) for i in np.random.RandomState(3).permutation(np.flatnonzero(split == 2)))
    others = (one[0] for one in read if isinstance(one, tuple))
    return [rows[i][1] for i in np.flatnonzero(split == 0)], "QM9, train split of the literature (qm9pack)", others


def moses(workers: int) -> Parts:
    """Random molecules of the train set, and the test set."""
    rows = [row.smiles for row in moses_source(None, num_molecules=None, seed=0).records]
    train, test = rows[:NUM_MOSES_TRAIN], rows[NUM_MOSES_TRAIN : NUM_MOSES_TRAIN + NUM_MOSES_TEST]
    chosen = np.random.RandomState(2).permutation(len(train))[:NUM_MOSES]
    others = [test[i] for i in np.random.RandomState(3).permutation(len(test))]
    source = f"MOSES, {NUM_MOSES:,} random molecules of the train set (molsets)"
    return [train[i] for i in chosen], source, embed_all(others, workers)


def bioactive(workers: int) -> Parts:
    """ChEMBL's molecules, but some."""
    smiles = [smiles for _, smiles in chembl()]
    order = np.random.RandomState(3).permutation(len(smiles))
    others = [smiles[i] for i in order[: MOST_HELD_OUT + 200]]  # not all can be embedded
    rest = [smiles[i] for i in sorted(order[MOST_HELD_OUT + 200 :])]
    return rest, "ChEMBL, molecules with activities at 30 targets (moleculeace)", embed_all(others, workers)


def embed_all(smiles: list[str], workers: int) -> Iterable[Molecule]:
    """Molecules in 3D, in order."""
    found = map_in_processes(_embed, enumerate(smiles), seconds=SECONDS, num_workers=workers)
    return (one for one in found if isinstance(one, Molecule))


def _embed(numbered: tuple[int, str]) -> object:
    return embed_smiles(numbered[1], seed=numbered[0])


MAKERS: dict[str, Callable[[int], Parts]] = {"qm9": qm9, "moses": moses, "chembl": bioactive}


def main() -> None:
    """One summary after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(MAKERS), choices=list(MAKERS), help="which; by default all")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the files")
    parser.add_argument("--sampled", type=int, default=MOST_SAMPLED, help="random molecules for quantiles and ChemNet")
    parser.add_argument("--held-out", action="store_true", help="only score the molecules held out anew")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    args = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    for name in args.names:
        start, file = time.monotonic(), args.out / f"{name}.safetensors"
        smiles, source, others = MAKERS[name](args.workers)
        summary = (
            read_summary(file)
            if args.held_out
            else summarise(
                smiles,
                name=name,
                source=source,
                chemnet=chemnet_moments,
                most_sampled=args.sampled,
                num_workers=args.workers,
            )
        )
        summary = with_held_out(summary, list(islice(others, MOST_HELD_OUT)), num_workers=args.workers)
        summary.save(file)
        sizes = ", ".join(
            f"{len(getattr(summary, kind)):,} {kind}"
            for kind in ("ring_systems", "functional_groups", "environments_1", "environments_2", "molecules")
        )
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB, {time.monotonic() - start:.0f} s; {sizes}", flush=True)


if __name__ == "__main__":
    main()
