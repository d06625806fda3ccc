"""Makes the summaries of reference molecules for `moldiff.metrics.chemistry`, in `moldiff/metrics/summaries`.

python scripts/benchmarks/make_summaries.py qm9 moses chembl

Needs `pip install 'moldiff[qm9,score]'` and `pip install --no-deps molsets moleculeace`. QM9: the train split of the
literature, 100,000 molecules. MOSES: 200,000 random molecules of its train set. ChEMBL: the bioactive molecules of
moleculeace's 30 targets, as `relax_xtb.py` reads them. Of each, 20,000 random ones for quantiles, alerts and ChemNet.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rdkit import rdBase
from relax_xtb import chembl

import moldiff
from moldiff.data.sources.moses import moses_source
from moldiff.data.sources.qm9 import literature_split, qm9pack_source
from moldiff.metrics.summarise import MOST_SAMPLED, summarise
from moldiff.pretrained.chemnet import chemnet_activations

NUM_MOSES = 200_000  # molecules
NUM_MOSES_TRAIN = 1_584_663  # its train set comes first
FOLDER = Path(moldiff.__file__).parent / "metrics" / "summaries"


def qm9() -> tuple[list[str], str]:
    """SMILES of the train split, and the source."""
    rows = list(qm9pack_source().records)
    train = np.flatnonzero(literature_split(len(rows)) == 0)
    return [rows[i][1] for i in train], "QM9, train split of the literature (qm9pack)"


def moses() -> tuple[list[str], str]:
    """SMILES of random molecules of the train set, and the source."""
    rows = list(moses_source(None, num_molecules=None, seed=0).records)[:NUM_MOSES_TRAIN]
    chosen = np.random.RandomState(2).permutation(len(rows))[:NUM_MOSES]
    return [rows[i].smiles for i in chosen], f"MOSES, {NUM_MOSES:,} random molecules of the train set (molsets)"


def bioactive() -> tuple[list[str], str]:
    """SMILES of ChEMBL's molecules, and the source."""
    return [smiles for _, smiles in chembl()], "ChEMBL, molecules with activities at 30 targets (moleculeace)"


MAKERS: dict[str, Callable[[], tuple[list[str], str]]] = {"qm9": qm9, "moses": moses, "chembl": bioactive}


def main() -> None:
    """One summary after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(MAKERS), choices=list(MAKERS), help="which; by default all")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the files")
    parser.add_argument("--sampled", type=int, default=MOST_SAMPLED, help="random molecules for quantiles and ChemNet")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    args = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    for name in args.names:
        start = time.monotonic()
        smiles, source = MAKERS[name]()
        summary = summarise(
            smiles,
            name=name,
            source=source,
            activations=chemnet_activations,
            most_sampled=args.sampled,
            num_workers=args.workers,
        )
        file = args.out / f"{name}.safetensors"
        summary.save(file)
        sizes = ", ".join(
            f"{len(getattr(summary, kind)):,} {kind}"
            for kind in ("ring_systems", "functional_groups", "environments_1", "environments_2", "molecules")
        )
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB, {time.monotonic() - start:.0f} s; {sizes}", flush=True)


if __name__ == "__main__":
    main()
