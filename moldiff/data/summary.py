"""What a store holds, before anything is trained on it: sizes, classes, bonds, and what looks wrong."""

from collections import Counter

import numpy as np
from jaxtyping import Int

from moldiff.chem.vocabulary import covalent_radii
from moldiff.data.store.dataset import MoleculeStore
from moldiff.data.store.integrity import SPLITS
from moldiff.io.smiles import canonical_forms

RARE = 100  # molecules with an atom class; of fewer a network learns little
SHORTEST, LONGEST = 0.7, 1.35  # of a bond, in sums of covalent radii
NAMED = 3  # records named for each suspicion


def described(store: MoleculeStore) -> dict[str, str]:
    """Lines of a report, by what they are about."""
    sizes, meta = store.sizes, store.meta
    bonds = np.bincount(store.bond_orders(), minlength=4)
    rows = {
        "molecules": "  ".join([f"{len(store):,}", *(f"{name} {meta['splits'][name]:,}" for name in SPLITS)]),
        "left out": "  ".join(f"{reason} {count:,}" for reason, count in meta["left_out"].items()) or "none",
        "atoms": f"{sizes.sum():,}; {sizes.min()} to {sizes.max()} in a molecule, {sizes.mean():.1f} on average",
        "atom classes": "  ".join(f"{label} {count:,}" for label, count in _classes(store)),
        "bonds": f"single {bonds[1]:,}  double {bonds[2]:,}  triple {bonds[3]:,}",
        "properties": "  ".join(_range(store, name) for name in store.property_names) or "none",
    }
    return rows | {f"look at: {what}": f"{len(where):,}{_names(store, where)}" for what, where in suspicions(store)}


def suspicions(store: MoleculeStore) -> list[tuple[str, Int[np.ndarray, "k"]]]:
    """What looks wrong in the molecules that were kept, and in which; nothing of it forbids training."""
    owner = np.repeat(np.arange(len(store)), store.sizes)
    present = np.unique(np.stack([owner, store.atom_classes()]), axis=1)
    holders = np.bincount(present[1], minlength=len(store.vocabulary))
    rare = np.flatnonzero(holders < RARE)
    names = ", ".join(store.vocabulary.labels[k] for k in rare)
    reach, bonded = store.bond_lengths(covalent_radii(store.vocabulary))
    smiles = canonical_forms([store.smiles(i) for i in range(len(store))])
    times = Counter(smiles)
    twice = [i for i, text in enumerate(smiles) if text and times[text] > 1]
    return [
        (what, where)
        for what, where in (
            (f"{names}: in fewer than {RARE} molecules", np.unique(present[0][np.isin(present[1], rare)])),
            (f"bonds longer than {LONGEST} sums of covalent radii", np.unique(bonded[reach > LONGEST])),
            (f"bonds shorter than {SHORTEST} sums of covalent radii", np.unique(bonded[reach < SHORTEST])),
            ("a net charge", np.flatnonzero(np.bincount(owner, store.charges(), len(store)))),
            ("the SMILES of another record", np.array(twice, dtype=np.int64)),
        )
        if len(where)
    ]


def _classes(store: MoleculeStore) -> list[tuple[str, int]]:
    counts = np.bincount(store.atom_classes(), minlength=len(store.vocabulary))
    return [(store.vocabulary.labels[k], int(counts[k])) for k in np.argsort(-counts, kind="stable")]


def _range(store: MoleculeStore, name: str) -> str:
    column, unit = store.property(name), store.meta["units"].get(name, "")
    if name in store.meta["classes"]:
        return f"{name} {' or '.join(store.meta['classes'][name])}"
    known = column[np.isfinite(column)]
    missing = f" ({len(column) - len(known):,} missing)" if len(known) < len(column) else ""
    if not len(known):
        return f"{name} (all missing)"
    return f"{name} {known.min():.4g} to {known.max():.4g}{f' {unit}' if unit else ''}{missing}"


def _names(store: MoleculeStore, where: Int[np.ndarray, "k"]) -> str:
    labels = [store.molecule(int(i)).name or f"number {i}" for i in where[:NAMED]]
    return f", such as {', '.join(labels)}"
