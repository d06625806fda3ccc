"""What `prepare` asks of a source of molecules: its raw records, how to read one, and how to split them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int

from moldiff.chem.molecule import Failure, Molecule


@dataclass(frozen=True)
class Source:
    """Records of one data set, in its own order.

    Attributes:
        name: of the data set.
        records: raw and small, so that worker processes can take them.
        read: makes a molecule and its published SMILES (empty where there is none) of a raw record; a module's function.
        split: from the number of records and a seed, the split of each record: 0 train, 1 valid, 2 test.
        origin: file names, versions and the like, for the store's `meta.json`.
        left_out: records that were left out before, by reason.
    """

    name: str
    records: Sequence[Any]
    read: Callable[[Any], tuple[Molecule, str] | Failure]
    split: Callable[[int, int], Int[np.ndarray, "m"]]
    origin: Mapping[str, Any]
    left_out: Mapping[str, int] = field(default_factory=dict)


def random_split(total: int, seed: int) -> Int[np.ndarray, "m"]:
    """80 % train, 10 % valid, 10 % test in a random order; at least one molecule is in train."""
    split = np.zeros(total, dtype=np.int64)
    tenth = total // 10
    order = np.random.RandomState(seed).permutation(total)
    split[order[total - 2 * tenth : total - tenth]] = 1
    split[order[total - tenth :]] = 2
    return split
