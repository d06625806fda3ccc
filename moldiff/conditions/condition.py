"""Conditions: properties of the data that a molecule can be asked to have, with their units, ranges and scaling."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from moldiff.errors import ConfigError, DataError

LEAST_SHARE = 0.05  # of the overall spread: that of the few molecules of a rare size is no better known
FEW = 20  # molecules of a size; to fewer, a quarter as many of all sizes are mixed
Value = float | int | str
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")


@dataclass(frozen=True)
class Condition:
    """One property, numeric or of classes, as counted on the molecules that a model was trained on.

    Attributes:
        name: of the column.
        unit: as people write it after a number; empty where there is none.
        low: least value that was seen; of classes their number less one is `high` and 0 is `low`.
        high: greatest.
        mean: of the values.
        std: of the values; a label is (value - mean) / std.
        classes: names of the classes, in the order of their labels; none of a number.
        by_size: from a number of atoms, mean and standard deviation of its values, or the share of each class.
    """

    name: str
    unit: str
    low: float
    high: float
    mean: float
    std: float
    classes: tuple[str, ...]
    by_size: dict[int, tuple[float, ...]]

    def __post_init__(self) -> None:
        """Refuses a scaling that is none, and tables that do not fit.

        Raises:
            DataError: if a number is not finite or the spread is not positive.
        """
        numbers = (self.low, self.high, self.mean, self.std, *(x for law in self.by_size.values() for x in law))
        if not all(map(math.isfinite, numbers)) or self.std <= 0 or self.low > self.high or not self.by_size:
            raise DataError(f"condition {self.name!r}: its range, mean and spread are no numbers of a property")
        if {len(law) for law in self.by_size.values()} != {len(self.classes) or 2}:
            raise DataError(f"condition {self.name!r}: its table by size does not fit {len(self.classes)} classes")
        if len(set(self.classes)) < len(self.classes) or any(
            min(law if self.classes else law[1:]) < 0 for law in self.by_size.values()
        ):
            raise DataError(f"condition {self.name!r}: a class comes twice, or a spread or share is negative")

    @classmethod
    def count(
        cls,
        name: str,
        values: Float[np.ndarray, "m"],
        sizes: Int[np.ndarray, "m"],
        *,
        unit: str = "",
        classes: Sequence[str] | None = None,
    ) -> "Condition":
        """A condition from the values of a column.

        Args:
            name: of the column.
            values: of the molecules to be trained on; NaN where one has none.
            sizes: their numbers of atoms.
            unit: of the values.
            classes: names of the classes where the values are their numbers.

        Returns:
            The condition.

        Raises:
            DataError: if there are not two different values.
        """
        told = np.isfinite(values)
        values, sizes = values[told].astype(np.float64), sizes[told]
        if len(np.unique(values)) < 2:
            raise DataError(f"condition {name!r}: the training molecules have {len(np.unique(values))} value, need two")
        count = len(classes or ())
        by_size = {int(n): _law(_mixed(values[sizes == n], values), count) for n in np.unique(sizes)}
        mean, std = (0.0, 1.0) if classes else _law(values, 0)
        return cls(name, unit, float(values.min()), float(values.max()), mean, std, tuple(classes or ()), by_size)

    def label(self, value: Value) -> float:
        """What the network sees of a value.

        Args:
            value: a number in the condition's unit, a number with the unit behind it, or the name of a class.

        Returns:
            The label.

        Raises:
            ConfigError: if it is no such value.
        """
        if self.classes:
            names = {name: place for place, name in enumerate(self.classes)}
            text = (value if isinstance(value, str) else f"{value:g}").strip()
            if text not in names and (text := text.removeprefix("+")) not in names:
                raise ConfigError(f"condition {self.name}={value}: expected one of {', '.join(self.classes)}")
            return float(names[text])
        number = self._number(value) if isinstance(value, str) else float(value)
        if not math.isfinite(number):
            raise ConfigError(f"condition {self.name}={value}: expected a finite number")
        return (number - self.mean) / self.std

    def value(self, label: float) -> Value:
        """Inverse of `label`."""
        return self.classes[round(label)] if self.classes else label * self.std + self.mean

    def outside(self, label: float) -> str | None:
        """One line if a label lies beyond what was trained on."""
        value = self.value(label)
        if isinstance(value, str) or self.low - 1e-9 <= value <= self.high + 1e-9:
            return None
        return f"condition {self.name}={value:g}{self.unit}: trained on {self.range}; expect less beyond"

    @property
    def range(self) -> str:
        """What was trained on, for people."""
        return ", ".join(self.classes) if self.classes else f"{self.low:.4g} to {self.high:.4g} {self.unit}".strip()

    def likelihood(self, label: float, size: int) -> float:
        """How likely the label is of a molecule of that many atoms: a normal density, or a share."""
        if size not in self.by_size:
            return 1.0
        law = self.by_size[size]
        if self.classes:
            return law[round(label)]
        centre = (law[0] - self.mean) / self.std
        spread = max(law[1] / self.std, LEAST_SHARE)
        return math.exp(-0.5 * ((label - centre) / spread) ** 2) / spread

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        return {**plain, "by_size": {str(size): list(law) for size, law in self.by_size.items()}}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Condition":
        """Inverse of `to_dict`; a `DataError` of a key, a `TypeError` or `ValueError` of a value that is wrong."""
        names = [field.name for field in fields(cls)]
        if set(plain) != set(names):
            raise DataError(f"condition: keys {sorted(plain)}, expected {sorted(names)}")
        numbers = {key: float(kept(plain[key], float, int)) for key in ("low", "high", "mean", "std")}
        by_size = {
            int(size): tuple(float(kept(number, float, int)) for number in law)
            for size, law in plain["by_size"].items()
        }
        classes = tuple(kept(name, str) for name in kept(plain["classes"], list, tuple))
        name, unit = (kept(plain[key], str) for key in ("name", "unit"))
        return cls(name=name, unit=unit, classes=classes, by_size=by_size, **numbers)

    def _number(self, text: str) -> float:
        match = _NUMBER.fullmatch(text.strip())
        if match is None or match[2].strip() not in ("", self.unit):
            unit = f", such as {self.mean:.3g}{self.unit}" if self.unit else ""
            raise ConfigError(f"condition {self.name}={text}: expected a number{unit}")
        return float(match[1])


def kept(value: Any, *kinds: type) -> Any:
    """A value that JSON gave, if it is of one of these kinds; a `TypeError` otherwise."""
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"{repr(value)[:60]} instead of {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _law(values: Float[np.ndarray, "k"], num_classes: int) -> tuple[float, ...]:
    """Mean and standard deviation, or the share of each class."""
    if num_classes:
        return tuple((np.bincount(values.astype(int), minlength=num_classes) / len(values)).tolist())
    return float(values.mean()), float(values.std())


def _mixed(some: Float[np.ndarray, "k"], overall: Float[np.ndarray, "m"]) -> Float[np.ndarray, "_"]:
    """The values of one size; where they are few, with some of all sizes, evenly chosen."""
    if len(some) >= FEW:
        return some
    return np.concatenate([some, np.sort(overall)[np.linspace(0, len(overall) - 1, FEW // 4).round().astype(int)]])
