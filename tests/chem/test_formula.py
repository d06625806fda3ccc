from collections import Counter

import pytest

from moldiff.chem.formula import formula_text, parse_formula
from moldiff.errors import ConfigError


def test_formula_is_counted_and_written():
    assert parse_formula("CH3OH") == Counter({6: 1, 1: 4, 8: 1})
    assert formula_text(parse_formula("H10O2C7")) == "C7H10O2"
    assert formula_text(parse_formula("ClCH3")) == "CH3Cl"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected symbols"),
        ("C7h10", "expected symbols"),
        ("C7H10 O2", "expected symbols"),
        ("C0H4", "expected"),
        ("Qq4", "no element"),
        ("CH3", "odd in number"),
        ("CH6", "too few valences"),
        ("Ne2", "too few"),
    ],
)
def test_impossible_formula_is_refused(text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        parse_formula(text)
