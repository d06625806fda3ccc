"""Attempts at many parts: what fails is drawn again, by a number of its own, so that no part depends on others."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from moldiff.generation.generator import WINDOW, MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.partial_molecule import PartialMolecule

ATTEMPT = 1 << 24  # between the numbers of two attempts at one part; more parts than this would share some
Ask = Callable[[int, int], PartialMolecule]  # what is known, from the number of a part and of the attempt
Judge = Callable[[int, Sample], Sample]  # may turn or fail a completed sample


def attempts(
    generator: MoleculeGenerator,
    count: int,
    ask: Ask,
    *,
    most: int = 1,
    judged: Judge = lambda number, sample: sample,
    **options: Any,
) -> Iterator[Sample]:
    """The first good attempt at each part, or the last bad one, in order.

    When the work is interrupted from the keyboard, what is done so far still comes before the interrupt does.

    Args:
        generator: draws.
        count: of parts.
        ask: what is known of a part in an attempt.
        most: attempts at one part.
        judged: the last word on a completed sample.
        **options: of `MoleculeGenerator.complete`.

    Yields:
        Sample: one for each part; its index is the number of the part, the property `index` that of the draw.
    """
    vocabulary = generator.bundle.vocabulary
    for start in range(0, count, WINDOW):
        best: dict[int, Sample] = {}
        waiting = list(range(start, min(start + WINDOW, count)))
        try:
            for attempt in range(most):
                parts = {number + attempt * ATTEMPT: ask(number, attempt) for number in waiting}
                known = [part.known(vocabulary) for part in parts.values()]
                for sample in generator.complete(known, indices=list(parts), **options):
                    number = sample.index - attempt * ATTEMPT
                    completed = parts[sample.index].completed(sample)
                    best[number] = judged(number, replace(completed, index=number))
                waiting = [number for number in waiting if not best[number].valid]
        except KeyboardInterrupt:
            yield from (best[number] for number in sorted(best))
            raise
        yield from (best[number] for number in sorted(best))
