"""Attempts at many parts: what fails is sampled again, by a number of its own, so that no part depends on others."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from moldiff.generation.generator import WINDOW, MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.folded_molecule import represented
from moldiff.tasks.partial_molecule import PartialMolecule

ATTEMPT = 1 << 24  # between the numbers of two attempts at one part; more parts than this would share some
PartOf = Callable[[int, int], PartialMolecule]  # what is known, from the number of a part and of the attempt
Correct = Callable[[int, Sample], Sample]  # may mirror or fail a completed sample


def attempts(
    generator: MoleculeGenerator,
    count: int,
    part_of: PartOf,
    *,
    most: int = 1,
    correct: Correct = lambda number, sample: sample,
    **request: Any,
) -> Iterator[Sample]:
    """The first good attempt at each part, or the last bad one, in order.

    After an interrupt from the keyboard, what is done so far still comes before the interrupt is raised.

    Args:
        generator: samples.
        count: of parts.
        part_of: what is known of a part in an attempt.
        most: attempts at one part.
        correct: the last check of a completed sample.
        **request: of `MoleculeGenerator.complete`.

    Yields:
        Sample: one for each part; its index is the number of the part, the property `index` that of the attempt.
    """
    vocabulary, aromatic = generator.bundle.vocabulary, generator.bundle.config.aromatic
    for start in range(0, count, WINDOW):
        best: dict[int, Sample] = {}
        waiting = list(range(start, min(start + WINDOW, count)))
        try:
            for attempt in range(most):
                parts = {
                    number + attempt * ATTEMPT: represented(part_of(number, attempt), vocabulary, aromatic=aromatic)
                    for number in waiting
                }
                known = [part.known(vocabulary) for part in parts.values()]
                for sample in generator.complete(known, indices=list(parts), **request):
                    number = sample.index - attempt * ATTEMPT
                    completed = parts[sample.index].restore(sample)
                    best[number] = correct(number, replace(completed, index=number))
                waiting = [number for number in waiting if not best[number].valid]
        except KeyboardInterrupt:
            yield from (best[number] for number in sorted(best))
            raise
        yield from (best[number] for number in sorted(best))
