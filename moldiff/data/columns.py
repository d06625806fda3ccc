"""Columns that a model can be conditioned on: of the store, of the molecules themselves, or computed by RDKit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.chem.descriptors import DESCRIPTORS, descriptor
from moldiff.conditions.categorical import CategoricalCondition
from moldiff.conditions.kinds import CONDITIONS
from moldiff.conditions.scalar import ScalarCondition
from moldiff.data.cells import MOST_CLASSES
from moldiff.data.representation import FoldedStore
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError

CLASSES = "classes"  # the kind of a column of numbers that are to be classes, `categorical`
CHARGE = "charge"


@dataclass(frozen=True, eq=False)
class Column:
    """Values of all molecules of a store.

    Attributes:
        name: its name as a target of sampling.
        values: numbers, or numbers of classes; NaN where a molecule has none.
        unit: of the numbers.
        classes: names of the classes; none of numbers.
        kind: of the condition that it becomes.
    """

    name: str
    values: Float[np.ndarray, "m"]
    unit: str = ""
    classes: tuple[str, ...] = ()
    kind: str = ScalarCondition.kind


def column(store: MoleculeStore, name: str) -> Column:
    """A column by its name.

    Args:
        store: prepared molecules.
        name: of a property of the store, of one of RDKit's descriptors, or `charge`, the net charge; behind a colon
            there may stand a kind of condition. With `:classes` the different numbers are classes.

    Returns:
        The column.

    Raises:
        DataError: if there is none of that name, or the classes are too many.
    """
    bare, _, kind = name.rpartition(":")
    if kind not in {CLASSES, *CONDITIONS} or not bare:
        bare, kind = name, ScalarCondition.kind
    if bare in store.property_names:
        classes = tuple(store.meta["classes"].get(bare, ()))
        found = Column(bare, store.property(bare).astype(np.float64), store.meta["units"].get(bare, ""), classes)
    elif bare == CHARGE:
        starts = np.cumsum(store.sizes) - store.sizes
        found = Column(bare, np.add.reduceat(store.charges(), starts).astype(np.float64))
    elif bare in DESCRIPTORS:
        found = Column(bare, descriptor(bare, [store.smiles(i) for i in range(len(store))]))
    else:
        raise DataError(
            f"{store.path}: no property {bare!r}; it has {', '.join(store.property_names) or 'none'}, and every store "
            f"has {CHARGE}, {', '.join(DESCRIPTORS)}"
        )
    if found.classes:
        return replace(found, kind=CategoricalCondition.kind)
    if kind in (CLASSES, CategoricalCondition.kind) or bare == CHARGE:
        return replace(_as_classes(found, store), kind=CategoricalCondition.kind)
    return replace(found, kind=kind)


def _as_classes(found: Column, store: MoleculeStore) -> Column:
    there = np.isfinite(found.values)
    different, places = np.unique(found.values[there], return_inverse=True)
    if len(different) > MOST_CLASSES:
        raise DataError(f"{store.path}: {found.name} has {len(different)} different values, at most {MOST_CLASSES}")
    values = np.full(len(found.values), np.nan)
    values[there] = places
    return replace(found, values=values, unit="", classes=tuple(f"{value:g}" for value in different))


def conditioned(
    store: MoleculeStore | FoldedStore, names: Sequence[str], indices: np.ndarray
) -> tuple[Statistics, Float[Tensor, "m l"] | None]:
    """The statistics of what is trained on, with conditions, and their labels of all molecules of the store.

    Args:
        store: prepared molecules.
        names: of the columns, as of `column`; none is no condition.
        indices: of the molecules to train on, which everything is counted on.

    Returns:
        The statistics, and the labels; None without names.

    Raises:
        DataError: if there is no such column, or its values are all the same.
    """
    counted = store.explicit.statistics.num_heavy_atoms is not None  # older stores do not say
    whole = counted and np.array_equal(indices, store.split("train"))
    statistics = store.statistics if whole else store.statistics_of(indices)
    if not names:
        return statistics, None
    columns = [column(store.explicit, name) for name in names]
    conditions = tuple(
        CONDITIONS[c.kind].fit(c.name, c.values[indices], store.sizes[indices], unit=c.unit, classes=c.classes)
        for c in columns
    )
    encoded = [condition.encode_column(c.values) for c, condition in zip(columns, conditions, strict=True)]
    labels = torch.from_numpy(np.stack(encoded, 1)).float()
    return replace(statistics, conditions=conditions), labels.masked_fill(labels.isinf(), torch.nan)
