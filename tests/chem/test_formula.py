from collections import Counter
from dataclasses import replace

import pytest

from moldiff.chem.formula import formula_text, parse_formula
from moldiff.chem.molecule import as_molecule
from moldiff.errors import ConfigError, MoleculeError


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


def test_molecule_shows_formula_atoms_and_charge(embed):
    assert repr(embed("CCO")) == "Molecule('C2H6O', num_atoms=9, charge=0)"
    assert repr(replace(embed("C[NH3+]"), name="a")) == "Molecule('CH6N', name='a', num_atoms=8, charge=1)"


def test_molecule_of_something_else_is_refused(embed):
    assert as_molecule(embed("C")).elements.tolist() == [6, 1, 1, 1, 1]
    with pytest.raises(MoleculeError, match="got a str; expected a Molecule or a Sample"):
        as_molecule("CCO")
