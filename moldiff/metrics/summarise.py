"""Makes the summary of a reference set of molecules."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moldiff.chem.alerts import CATALOGS
from moldiff.chem.environments import RADII
from moldiff.chem.molecule import Failure
from moldiff.chem.process_pool import map_in_processes
from moldiff.errors import DataError
from moldiff.metrics.chemistry import ChemNet
from moldiff.metrics.chemistry_summary import (
    CHEMNET_WIDTH,
    LARGEST_RING,
    MOST_RINGS_COUNTED,
    NUM_QUANTILES,
    NUMBERS,
    ChemistrySummary,
    histogram_of_num_rings,
    histogram_of_ring_sizes,
    text_hash,
)
from moldiff.metrics.molecule_chemistry import MoleculeChemistry, Structure, canonical_form, describe

CHUNK, SECONDS = 256, 120.0  # molecules that go to a process together, and how long they may take there
MOST_SAMPLED = 20_000  # molecules, for quantiles, alerts and ChemNet


def summarise(
    smiles: Sequence[str],
    *,
    name: str,
    source: str,
    chemnet: ChemNet | None = None,
    most_sampled: int = MOST_SAMPLED,
    keep_molecules: bool = True,
    seed: int = 0,
    num_workers: int = 1,
    on_read: Callable[[int], None] = lambda size: None,
) -> ChemistrySummary:
    """The summary of a set of molecules; a drug-like one takes 2 ms, one of those that are sampled 8 ms more.

    Args:
        smiles: of the molecules; one that RDKit does not read is left out.
        name: of the set.
        source: where they come from.
        chemnet: moments of its activations (`moldiff.pretrained.chemnet.chemnet_moments`); none leaves them out.
        most_sampled: random molecules that quantiles, alerts and ChemNet's moments are of.
        keep_molecules: keep a hash of each molecule, 8 bytes, so that novelty can be counted.
        seed: of the choice.
        num_workers: processes.
        on_read: called with a number of molecules that have been looked at.

    Returns:
        The summary.

    Raises:
        DataError: if RDKit reads none of the molecules.
    """
    found = _Found()
    chunks = [list(smiles[start : start + CHUNK]) for start in range(0, len(smiles), CHUNK)]
    for chunk, part in zip(chunks, _map(_collect, chunks, num_workers=num_workers), strict=True):
        alone = [[one] for one in chunk] if isinstance(part, Failure) else []  # one of them did not end
        for one in _map(_collect, alone, num_workers=num_workers) if alone else [part]:
            found.add(one)
        on_read(len(chunk))
    chosen = [smiles[i] for i in np.random.default_rng(seed).permutation(len(smiles))[:most_sampled]]
    described = [one for one in _map(describe, chosen, num_workers=num_workers) if isinstance(one, MoleculeChemistry)]
    if not described:
        raise DataError(f"{source}: RDKit reads none of its {len(smiles):,} molecules")
    midpoints = (np.arange(NUM_QUANTILES) + 0.5) / NUM_QUANTILES
    mean, covariance, num_chemnet = np.zeros(CHEMNET_WIDTH), np.zeros((CHEMNET_WIDTH, CHEMNET_WIDTH)), 0
    if chemnet is not None and len(described) > 1:
        mean, covariance = chemnet(Counter(one.smiles for one in described))
        num_chemnet = len(described)
    return ChemistrySummary(
        name=name,
        source=source,
        num_molecules=found.num_molecules,
        num_sampled=len(described),
        num_chemnet=num_chemnet,
        alert_counts={catalog: sum(bool(one.alerts[catalog]) for one in described) for catalog in CATALOGS},
        quantiles=np.stack(
            [
                np.quantile([one.numbers[number] for one in described], midpoints, method="inverted_cdf")
                for number in NUMBERS
            ]
        ).astype(np.float32),
        held_out={},
        num_rings=found.num_rings,
        ring_sizes=found.ring_sizes,
        chemnet_mean=mean.astype(np.float32),
        chemnet_covariance=covariance[np.triu_indices(CHEMNET_WIDTH)].astype(np.float32),
        **found.arrays(keep_molecules=keep_molecules),
    )


_HASHES = ("ring_systems", "functional_groups", "molecules")
_ENVIRONMENTS = tuple(f"environments_{radius}" for radius in RADII)


@dataclass(eq=False)
class _Found:
    """What occurs in some molecules."""

    num_molecules: int = 0
    num_rings: np.ndarray = field(default_factory=lambda: np.zeros(MOST_RINGS_COUNTED + 1, dtype=np.int64))
    ring_sizes: np.ndarray = field(default_factory=lambda: np.zeros(LARGEST_RING + 1, dtype=np.int64))
    numbers: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in (*_HASHES, *_ENVIRONMENTS)})

    def add(self, other: "_Found | Failure") -> None:
        """Adds what occurs in others; one whose process did not end is left out."""
        if isinstance(other, Failure):
            return
        self.num_molecules += other.num_molecules
        self.num_rings += other.num_rings
        self.ring_sizes += other.ring_sizes
        for name, numbers in other.numbers.items():
            self.numbers[name] |= numbers

    def arrays(self, *, keep_molecules: bool) -> dict[str, Any]:
        """Sorted hashes of what occurs."""
        sets = self.numbers if keep_molecules else self.numbers | {"molecules": set()}
        dtypes = dict.fromkeys(_HASHES, np.uint64) | dict.fromkeys(_ENVIRONMENTS, np.uint32)
        return {name: np.array(sorted(sets[name]), dtype=dtype) for name, dtype in dtypes.items()}


def _collect(smiles: Sequence[str]) -> _Found:
    """What occurs in a chunk of molecules."""
    found, structures = _Found(), []
    texts: dict[str, set[str]] = {name: set() for name in _HASHES}
    for one in smiles:
        read = canonical_form(one)
        if isinstance(read, Failure):
            continue
        canonical, mol = read
        structure = Structure.of(mol)
        structures.append(structure)
        texts["molecules"].add(canonical)
        texts["ring_systems"].update(structure.ring_systems)
        texts["functional_groups"].update(structure.functional_groups)
        for radius in RADII:
            found.numbers[f"environments_{radius}"] |= structure.environments[radius]
    for name, of in texts.items():
        found.numbers[name] = {text_hash(text) for text in of}
    found.num_molecules = len(structures)
    found.num_rings = histogram_of_num_rings([len(one.ring_sizes) for one in structures])
    found.ring_sizes = histogram_of_ring_sizes([size for one in structures for size in one.ring_sizes])
    return found


def _map(work: Callable[[Any], Any], items: Iterable[Any], *, num_workers: int) -> Iterator[Any]:
    if num_workers == 1:
        return map(work, items)
    return map_in_processes(work, items, seconds=SECONDS, num_workers=num_workers)
