"""Conditions that are numbers."""

import math
import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from moldiff.conditions.condition import Condition, Value, known_values
from moldiff.errors import ConfigError, DataError

LEAST_SHARE = 0.05  # of the overall spread: that of the few molecules of a rare size is no better known
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")


class ScalarCondition(Condition):
    """A number; its label is (value - mean) / std. `by_size` holds mean and standard deviation of each size."""

    kind: ClassVar[str] = "scalar"

    @classmethod
    def fit(
        cls,
        name: str,
        values: Float[np.ndarray, "m"],
        sizes: Int[np.ndarray, "m"],
        *,
        unit: str = "",
        classes: Sequence[str] = (),
    ) -> "ScalarCondition":
        """See `Condition.fit`."""
        values, of_size = known_values(name, values, sizes)
        by_size = {n: (float(some.mean()), float(some.std())) for n, some in of_size.items()}
        ends = float(values.min()), float(values.max())
        return cls(name, unit, *ends, float(values.mean()), float(values.std()), (), by_size)

    def check_tables(self) -> None:
        """See `Condition.check_tables`."""
        if self.classes or {len(row) for row in self.by_size.values()} != {2}:
            raise DataError(f"condition {self.name!r}: its table by size does not fit {len(self.classes)} classes")
        if any(spread < 0 for _, spread in self.by_size.values()):
            raise DataError(f"condition {self.name!r}: a class comes twice, or a spread or share is negative")

    def parse(self, value: Value) -> float:
        """See `Condition.parse`."""
        number = self._number(value) if isinstance(value, str) else float(value)
        if not math.isfinite(number):
            raise ConfigError(f"condition {self.name}={value}: expected a finite number")
        return number

    def encode(self, value: Value) -> float:
        """See `Condition.encode`."""
        return (float(value) - self.mean) / self.std

    def encode_column(self, values: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m"]:
        """See `Condition.encode_column`."""
        return (values - self.mean) / self.std

    def decode(self, label: float) -> float:
        """See `Condition.decode`."""
        return label * self.std + self.mean

    def likelihood(self, label: float, size: int) -> float:
        """A normal density; 1 for a size that was not seen."""
        if size not in self.by_size:
            return 1.0
        mean, std = self.by_size[size]
        centre, spread = (mean - self.mean) / self.std, max(std / self.std, LEAST_SHARE)
        return math.exp(-0.5 * ((label - centre) / spread) ** 2) / spread

    @property
    def range(self) -> str:
        """See `Condition.range`."""
        return f"{self.low:.4g} to {self.high:.4g} {self.unit}".strip()

    def _number(self, text: str) -> float:
        match = _NUMBER.fullmatch(text.strip())
        if match is None or match[2].strip() not in ("", self.unit):
            unit = f", such as {self.mean:.3g}{self.unit}" if self.unit else ""
            raise ConfigError(f"condition {self.name}={text}: expected a number{unit}")
        return float(match[1])
