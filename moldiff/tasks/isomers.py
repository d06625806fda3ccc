"""Molecules of a formula."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from moldiff.chem.formula import formula_text
from moldiff.chem.molecule import Molecule
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains

ATTEMPTS = 3
STEPS = 100  # the hardest of the tasks: 73 % are valid at 20 evaluations, 87 at 50, 90 at 100


def isomers(
    generator: MoleculeGenerator,
    formulas: Sequence[Mapping[int, int]],
    *,
    most: int = ATTEMPTS,
    num_steps: int | None = STEPS,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Draws bonds and coordinates of neutral atoms.

    Args:
        generator: of weights.
        formulas: counts by atomic number of each sample, as `moldiff.chem.formula.parse_formula` gives them.
        most: attempts at one sample.
        num_steps: network evaluations of an attempt.
        allow_extrapolation: draw molecules unlike those of the training data, too, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        A sample for each formula, in order.
    """
    given = [atoms_of_formula(formula) for formula in formulas]
    check_domains(generator, given, allow_extrapolation=allow_extrapolation)

    def ask(number: int, attempt: int) -> PartialMolecule:
        return PartialMolecule.of(given[number], "atom")

    return attempts(generator, len(given), ask, most=most, num_steps=num_steps, **options)


def atoms_of_formula(formula: Mapping[int, int]) -> Molecule:
    """Heaviest first, all in one point."""
    elements = np.array(sorted(Counter(formula).elements(), reverse=True), dtype=np.int64)
    n = len(elements)
    return Molecule(
        elements, np.zeros(n, np.int64), np.zeros((n, 3)), np.zeros((n, n), np.int64), name=formula_text(formula)
    )
