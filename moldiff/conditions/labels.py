"""Conditions as network inputs, from values by name and back."""

import math
import warnings
from collections.abc import Mapping, Sequence

from moldiff.conditions.condition import Condition, Value
from moldiff.errors import ConfigError


def labels_of(conditions: Sequence[Condition], values: Mapping[str, Value]) -> list[float]:
    """Labels of target values, NaN where there is none.

    Args:
        conditions: that a model knows.
        values: by the name of the condition; see `Condition.label`.

    Returns:
        One label for each condition.

    Raises:
        ConfigError: if a name is unknown, or a value is none.
    """
    known = {condition.name: condition for condition in conditions}
    for name in values:
        if name not in known:
            there = f"the weights know {', '.join(known)}" if known else "these weights know none"
            raise ConfigError(f"condition {name!r}: {there}; train with --condition {name}")
    return [known[name].label(values[name]) if name in values else math.nan for name in known]


def values_of(conditions: Sequence[Condition], labels: Sequence[float]) -> dict[str, Value]:
    """Target values by name, from labels; NaN is no target."""
    pairs = zip(conditions, labels, strict=True)
    return {c.name: c.decode(label) for c, label in pairs if not math.isnan(label)}


def warn_outside(conditions: Sequence[Condition], labels: Sequence[float]) -> None:
    """A warning for each label beyond what was trained on."""
    for condition, label in zip(conditions, labels, strict=True):
        outside = None if math.isnan(label) else condition.outside(label)
        if outside:
            warnings.warn(outside, stacklevel=3)
