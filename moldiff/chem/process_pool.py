"""Work on molecules in other processes, with a limit of time for each call."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rdkit import Chem

from moldiff.chem.molecule import Failure
from moldiff.chem.rdkit_conversion import ALL_OF_IT
from moldiff.runtime.process_pool import bounded_map

Result = TypeVar("Result")


def map_in_processes(
    work: Callable[[Any], Result], items: Iterable[Any], *, seconds: float, num_workers: int | None = None
) -> Iterator[Result | Failure]:
    """`moldiff.runtime.process_pool.bounded_map` for work that takes or gives molecules.

    Args:
        work: a function of a module.
        items: arguments of the calls, read as they are needed.
        seconds: limit of one call.
        num_workers: processes; by default one a core.

    Returns:
        Results in order; a `Failure` of the reason `timeout` or `crashed` in the place of one that did not come.
    """
    return bounded_map(
        work,
        items,
        seconds=seconds,
        failure=Failure,
        initializer=pickle_whole_molecules,
        num_workers=num_workers,
    )


def pickle_whole_molecules() -> None:
    """From here on RDKit pickles all properties of a molecule, and its coordinates without rounding."""
    Chem.SetDefaultPickleProperties(ALL_OF_IT)
