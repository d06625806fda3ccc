"""Conditions that are classes."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from moldiff.conditions.condition import Condition, Value, known_values
from moldiff.errors import ConfigError, DataError


class CategoricalCondition(Condition):
    """A class; its label is its number, from 0 = `low` to `high`. `by_size` holds the share of each class."""

    kind: ClassVar[str] = "categorical"

    @classmethod
    def fit(
        cls,
        name: str,
        values: Float[np.ndarray, "m"],
        sizes: Int[np.ndarray, "m"],
        *,
        unit: str = "",
        classes: Sequence[str] = (),
    ) -> "CategoricalCondition":
        """See `Condition.fit`."""
        values, of_size = known_values(name, values, sizes)
        by_size = {
            n: tuple((np.bincount(some.astype(int), minlength=len(classes)) / len(some)).tolist())
            for n, some in of_size.items()
        }
        return cls(name, unit, float(values.min()), float(values.max()), 0.0, 1.0, tuple(classes), by_size)

    def check_tables(self) -> None:
        """See `Condition.check_tables`."""
        if {len(row) for row in self.by_size.values()} != {len(self.classes)}:
            raise DataError(f"condition {self.name!r}: its table by size does not fit {len(self.classes)} classes")
        if len(set(self.classes)) < len(self.classes) or any(min(row) < 0 for row in self.by_size.values()):
            raise DataError(f"condition {self.name!r}: a class comes twice, or a spread or share is negative")

    def parse(self, value: Value) -> str:
        """See `Condition.parse`."""
        text = (value if isinstance(value, str) else f"{value:g}").strip()
        if text not in self.classes and (text := text.removeprefix("+")) not in self.classes:
            raise ConfigError(f"condition {self.name}={value}: expected one of {', '.join(self.classes)}")
        return text

    def encode(self, value: Value) -> float:
        """See `Condition.encode`."""
        return float(self.classes.index(str(value)))

    def encode_column(self, values: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m"]:
        """See `Condition.encode_column`."""
        return values

    def decode(self, label: float) -> str:
        """See `Condition.decode`."""
        return self.classes[round(label)]

    def likelihood(self, label: float, size: int) -> float:
        """The share of the class; 1 for a size that was not seen."""
        return self.by_size[size][round(label)] if size in self.by_size else 1.0

    @property
    def range(self) -> str:
        """See `Condition.range`."""
        return ", ".join(self.classes)
