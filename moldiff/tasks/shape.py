"""Chemistry for given coordinates."""

from collections.abc import Iterator, Sequence
from typing import Any

from moldiff.chem.molecule import Molecule
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains


def reshape(
    generator: MoleculeGenerator,
    shapes: Sequence[Molecule],
    *,
    num_each: int = 1,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Draws elements, charges and bonds; coordinates stay.

    Args:
        generator: of weights.
        shapes: coordinates; nothing else is read.
        num_each: samples of each.
        allow_extrapolation: draw for more or fewer atoms than those of the training data, too, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one shape together.
    """
    check_domains(generator, shapes, "coordinates", allow_extrapolation=allow_extrapolation)

    def ask(number: int, attempt: int) -> PartialMolecule:
        return PartialMolecule.of(shapes[number // num_each], "pos")

    return attempts(generator, num_each * len(shapes), ask, **options)
