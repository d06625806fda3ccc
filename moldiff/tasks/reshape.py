"""Chemistry for given coordinates."""

from collections.abc import Iterator, Sequence
from typing import Any

from moldiff.chem.molecule import Molecule
from moldiff.generator import MoleculeGenerator, Sample
from moldiff.tasks.part import Part, check_size
from moldiff.tasks.rounds import attempts


def reshape(
    generator: MoleculeGenerator, shapes: Sequence[Molecule], *, num_each: int = 1, **options: Any
) -> Iterator[Sample]:
    """Draws elements, charges and bonds; coordinates stay.

    Args:
        generator: of weights.
        shapes: coordinates; nothing else is read.
        num_each: samples of each.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one shape together.
    """
    for shape in shapes:
        check_size(generator, shape)

    def ask(number: int, attempt: int) -> Part:
        return Part.of(shapes[number // num_each], "pos")

    return attempts(generator, num_each * len(shapes), ask, **options)
