"""Molecular formulas."""

import re
from collections import Counter
from collections.abc import Mapping

from moldiff.chem.valence import allowed_valences
from moldiff.chem.vocabulary import ATOMIC_NUMBERS
from moldiff.errors import ConfigError

_TERM = re.compile(r"([A-Z][a-z]?)(\d{0,4})")


def parse_formula(text: str) -> Counter[int]:
    """How many atoms of each element `C7H10O2` has, hydrogens included.

    Args:
        text: symbols with counts; an element may come twice, as in `CH3OH`.

    Returns:
        Counts by atomic number.

    Raises:
        ConfigError: if it is no formula, or no neutral molecule in one piece can have it.
    """
    terms = _TERM.findall(text)
    counts: Counter[int] = Counter()
    for symbol, number in terms:
        if symbol not in ATOMIC_NUMBERS:
            raise ConfigError(f"formula {text!r}: {symbol!r} is no element")
        counts[ATOMIC_NUMBERS[symbol]] += int(number or 1)
    if not counts or "".join(symbol + number for symbol, number in terms) != text or 0 in counts.values():
        raise ConfigError(f"formula {text!r}: expected symbols with counts, such as C7H10O2")
    ends = sum(max(allowed_valences(element, 0), default=0) * count for element, count in counts.items())
    if ends % 2:
        raise ConfigError(f"formula {text!r}: its valences are odd in number; take a hydrogen more or less")
    if ends < 2 * (counts.total() - 1):
        raise ConfigError(f"formula {text!r}: too few valences to hold {counts.total()} atoms together")
    return counts


def formula_text(counts: Mapping[int, int]) -> str:
    """Inverse of `parse_formula`: carbon, hydrogen, then the others by symbol (Hill)."""
    symbols = {number: symbol for symbol, number in ATOMIC_NUMBERS.items()}
    order = sorted(counts, key=lambda number: ({6: 0, 1: 1}.get(number, 2), symbols[number]))
    return "".join(symbols[number] + (str(counts[number]) if counts[number] > 1 else "") for number in order)
