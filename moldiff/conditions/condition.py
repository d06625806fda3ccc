"""Conditions: properties of the data that can be targets, with their units, ranges and scaling."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from moldiff.errors import DataError

FEW = 20  # molecules of a size; to fewer, a quarter as many of all sizes are mixed
Value = float | int | str


@dataclass(frozen=True)
class Condition(ABC):
    """One property, as counted on the molecules that a model was trained on. A kind of condition is a subclass.

    A network sees of a value one number, its label: a class if there are `classes`, else a number of about unit spread.

    Attributes:
        kind: name of the kind, after a colon behind the name of a column (`gap:scalar`).
        name: of the column.
        unit: as people write it after a number; empty where there is none.
        low: least value that was seen.
        high: greatest.
        mean: of the values.
        std: of the values.
        classes: names of the classes, in the order of their labels; none of a number.
        by_size: from a number of atoms, the parameters of the distribution of its labels.
    """

    kind: ClassVar[str]
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
        numbers = (self.low, self.high, self.mean, self.std, *(x for row in self.by_size.values() for x in row))
        if not all(map(math.isfinite, numbers)) or self.std <= 0 or self.low > self.high or not self.by_size:
            raise DataError(f"condition {self.name!r}: its range, mean and spread are no numbers of a property")
        self.check_tables()

    @classmethod
    @abstractmethod
    def fit(
        cls,
        name: str,
        values: Float[np.ndarray, "m"],
        sizes: Int[np.ndarray, "m"],
        *,
        unit: str = "",
        classes: Sequence[str] = (),
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

    @abstractmethod
    def check_tables(self) -> None:
        """A `DataError` if `classes` and `by_size` do not fit this kind."""

    @abstractmethod
    def parse(self, value: Value) -> Value:
        """A value in this condition's own form.

        Args:
            value: a number, a text such as `6.5 eV`, or the name of a class.

        Returns:
            What `encode` takes.

        Raises:
            ConfigError: if it is no such value.
        """

    @abstractmethod
    def encode(self, value: Value) -> float:
        """The label of a parsed value."""

    @abstractmethod
    def encode_column(self, values: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m"]:
        """The labels of a whole column; NaN stays NaN."""

    @abstractmethod
    def decode(self, label: float) -> Value:
        """Inverse of `encode`."""

    @abstractmethod
    def likelihood(self, label: float, size: int) -> float:
        """How likely the label is of a molecule of that many atoms, up to a constant; sizes are sampled by it."""

    @property
    @abstractmethod
    def range(self) -> str:
        """What was trained on, for people."""

    def label(self, value: Value) -> float:
        """What the network sees of a value as a user gives it; a `ConfigError` if it is none."""
        return self.encode(self.parse(value))

    def outside(self, label: float) -> str | None:
        """One line if a label lies beyond what was trained on."""
        value = self.decode(label)
        if isinstance(value, str) or self.low - 1e-9 <= value <= self.high + 1e-9:
            return None
        return f"condition {self.name}={value:g}{self.unit}: trained on {self.range}; expect less beyond"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        return {**plain, "by_size": {str(size): list(row) for size, row in self.by_size.items()}}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Condition":
        """Inverse of `to_dict`; a `DataError` of a key, a `TypeError` or `ValueError` of a value that is wrong."""
        names = [field.name for field in fields(cls)]
        if set(plain) != set(names):
            raise DataError(f"condition: keys {sorted(plain)}, expected {sorted(names)}")
        numbers = {key: float(checked(plain[key], float, int)) for key in ("low", "high", "mean", "std")}
        by_size = {
            int(size): tuple(float(checked(number, float, int)) for number in row)
            for size, row in plain["by_size"].items()
        }
        classes = tuple(checked(name, str) for name in checked(plain["classes"], list, tuple))
        name, unit = (checked(plain[key], str) for key in ("name", "unit"))
        return cls(name=name, unit=unit, classes=classes, by_size=by_size, **numbers)


def checked(value: Any, *kinds: type) -> Any:
    """A value that JSON gave, if it is of one of these kinds; a `TypeError` otherwise."""
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"{repr(value)[:60]} instead of {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def known_values(
    name: str, values: Float[np.ndarray, "m"], sizes: Int[np.ndarray, "m"]
) -> tuple[Float[np.ndarray, "k"], dict[int, Float[np.ndarray, "_"]]]:
    """The values that are known, all and by size; a `DataError` if not two are different.

    Where a size has few, some of all sizes are mixed in, evenly chosen.
    """
    known = np.isfinite(values)
    values, sizes = values[known].astype(np.float64), sizes[known]
    if len(np.unique(values)) < 2:
        raise DataError(f"condition {name!r}: the training molecules have {len(np.unique(values))} value, need two")
    return values, {int(n): _mix(values[sizes == n], values) for n in np.unique(sizes)}


def _mix(some: Float[np.ndarray, "k"], overall: Float[np.ndarray, "m"]) -> Float[np.ndarray, "_"]:
    if len(some) >= FEW:
        return some
    return np.concatenate([some, np.sort(overall)[np.linspace(0, len(overall) - 1, FEW // 4).round().astype(int)]])
