"""A count among a count, with its range."""

from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

_Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Rate:
    """A count among a count.

    Attributes:
        numerator: how many.
        denominator: of how many.
    """

    numerator: int
    denominator: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; NaN of none."""
        return self.numerator / self.denominator if self.denominator else nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (J. Am. Stat. Assoc. 22, 209, 1927); 0 to 1 of none."""
        n = self.denominator
        if not n:
            return 0.0, 1.0
        centre = (self.value + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
        half = _Z95 / (1 + _Z95**2 / n) * sqrt(self.value * (1 - self.value) / n + _Z95**2 / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the value of none is null."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value if self.denominator else None,
            "interval_95": list(self.interval),
        }
