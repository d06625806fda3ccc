"""Chemistry for given coordinates."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from moldiff.chem.molecule import Molecule
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.defaults import SHAPES
from moldiff.tasks.inputs import Molecules, geometries_of, usable
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains, check_explicit
from moldiff.tasks.routing import Router


def reshape(
    generator: MoleculeGenerator | Router | str,
    shapes: Molecules,
    *,
    num_samples: int = SHAPES.num_samples,
    seed: int = 0,
    num_steps: int = SHAPES.num_steps,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> list[Sample]:
    """Samples elements, charges and bonds for coordinates that stay: other molecules of the same shape.

    Args:
        generator: samples; a name of weights, or `auto`, will do.
        shapes: a file, a `Molecule`, an RDKit molecule, ASE's atoms, or a sequence of these.
        num_samples: molecules for each shape.
        seed: random seed.
        num_steps: network evaluations.
        options: as of `MoleculeGenerator.stream`.

    Returns:
        Samples in order, those of one shape together; failures in the place of what is refused.

    Raises:
        DataError: if no shape can be completed.
    """
    router = Router.of(generator, allow_extrapolation=options.allow_extrapolation)
    label, records = geometries_of(shapes)
    found = usable(label, records, partial(router.name_of, read="coordinates"))
    found.check(label)
    samples = router.complete(
        sample_shapes,
        found.items,
        names=[router.name_of(shape, "coordinates") for shape in found.items],
        num_each=num_samples,
        seed=seed,
        num_steps=num_steps,
        options=options,
    )
    return found.in_place(samples, num_samples)


def sample_shapes(
    generator: MoleculeGenerator,
    shapes: Sequence[Molecule],
    *,
    num_each: int = 1,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Samples elements, charges and bonds; coordinates stay.

    Args:
        generator: of weights.
        shapes: coordinates; nothing else is read.
        num_each: samples of each.
        allow_extrapolation: accept more or fewer atoms than those of the training data, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one shape together.
    """
    check_explicit(generator, "chemistry for given coordinates")
    check_domains(generator, shapes, "coordinates", allow_extrapolation=allow_extrapolation)

    def part_of(number: int, attempt: int) -> PartialMolecule:
        return PartialMolecule.of(shapes[number // num_each], "pos")

    return attempts(generator, num_each * len(shapes), part_of, **options)
