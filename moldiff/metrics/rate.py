"""A count among a count, with its range."""

from dataclasses import dataclass
from math import nan
from typing import Any


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
        if not self.denominator:
            return 0.0, 1.0
        from scipy.stats import binomtest

        interval = binomtest(self.numerator, self.denominator).proportion_ci(method="wilson")
        return float(interval.low), float(interval.high)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the value of none is null."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value if self.denominator else None,
            "interval_95": list(self.interval),
        }
