"""Columns that a model can be told: of the store, of the molecules themselves, or computed by RDKit on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.chem.descriptors import DESCRIPTORS, descriptor
from moldiff.conditions.condition import Condition
from moldiff.data.cells import MOST_CLASSES
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError

CLASSES = ":classes"  # behind the name of a column of numbers that are to be classes
CHARGE = "charge"


@dataclass(frozen=True, eq=False)
class Column:
    """Values of all molecules of a store.

    Attributes:
        name: as it is asked for in sampling.
        values: numbers, or numbers of classes; NaN where a molecule has none.
        unit: of the numbers.
        classes: names of the classes; none of numbers.
    """

    name: str
    values: Float[np.ndarray, "m"]
    unit: str = ""
    classes: tuple[str, ...] = ()


def column(store: MoleculeStore, name: str) -> Column:
    """A column by its name.

    Args:
        store: prepared molecules.
        name: of a property of the store, of one of RDKit's descriptors, or `charge`, the net charge; with `:classes`
            behind it the different numbers are classes.

    Returns:
        The column.

    Raises:
        DataError: if there is none of that name, or the classes are too many.
    """
    bare = name.removesuffix(CLASSES)
    if bare in store.property_names:
        classes = tuple(store.meta["classes"].get(bare, ()))
        told = Column(bare, store.property(bare).astype(np.float64), store.meta["units"].get(bare, ""), classes)
    elif bare == CHARGE:
        starts = np.cumsum(store.sizes) - store.sizes
        told = Column(bare, np.add.reduceat(store.charges(), starts).astype(np.float64))
    elif bare in DESCRIPTORS:
        told = Column(bare, descriptor(bare, [store.smiles(i) for i in range(len(store))]))
    else:
        raise DataError(
            f"{store.path}: no property {bare!r}; it has {', '.join(store.property_names) or 'none'}, and every store "
            f"has {CHARGE}, {', '.join(DESCRIPTORS)}"
        )
    if told.classes:
        return told
    return _as_classes(told, store) if name.endswith(CLASSES) or bare == CHARGE else told


def _as_classes(told: Column, store: MoleculeStore) -> Column:
    there = np.isfinite(told.values)
    different, places = np.unique(told.values[there], return_inverse=True)
    if len(different) > MOST_CLASSES:
        raise DataError(f"{store.path}: {told.name} has {len(different)} different values, at most {MOST_CLASSES}")
    values = np.full(len(told.values), np.nan)
    values[there] = places
    return replace(told, values=values, unit="", classes=tuple(f"{value:g}" for value in different))


def conditioned(
    store: MoleculeStore, names: Sequence[str], indices: np.ndarray
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
    counted = store.statistics.num_heavy_atoms is not None  # older stores do not say
    whole = counted and np.array_equal(indices, store.split("train"))
    statistics = store.statistics if whole else store.statistics_of(indices)
    if not names:
        return statistics, None
    columns = [column(store, name) for name in names]
    conditions = tuple(
        Condition.count(c.name, c.values[indices], store.sizes[indices], unit=c.unit, classes=c.classes)
        for c in columns
    )
    labels = [(c.values - condition.mean) / condition.std for c, condition in zip(columns, conditions, strict=True)]
    told = torch.from_numpy(np.stack(labels, 1)).float()
    return replace(statistics, conditions=conditions), told.masked_fill(told.isinf(), torch.nan)
