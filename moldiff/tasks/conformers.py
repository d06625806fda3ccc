"""Coordinates for given atoms and bonds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from moldiff.chem.molecule import Failure
from moldiff.chem.stereo import Graph, keeps_bonds, mirror
from moldiff.chem.validity import check
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains

ATTEMPTS = 16  # a hand of several centres is one of many, and comes by chance


def conformers(
    generator: MoleculeGenerator,
    graphs: Sequence[Graph],
    *,
    num_each: int = 1,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Draws coordinates; atoms and bonds stay, and the stereo that is asked is kept.

    The network knows no hand: where the wrong one comes out it is mirrored, and where a diastereomer comes, drawn
    again. A failure `stereo` says that none of the attempts had it, `stretched` that distances show other bonds.

    Args:
        generator: of weights.
        graphs: from `moldiff.chem.stereo.graph_of`.
        num_each: conformers of each.
        allow_extrapolation: draw molecules unlike those of the training data, too, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one graph together.
    """
    check_domains(generator, [graph.molecule for graph in graphs], allow_extrapolation=allow_extrapolation)

    def ask(number: int, attempt: int) -> PartialMolecule:
        return PartialMolecule.of(graphs[number // num_each].molecule, "atom", "bond")

    def judged(number: int, sample: Sample) -> Sample:
        return with_stereo(graphs[number // num_each], sample)

    return attempts(generator, num_each * len(graphs), ask, most=ATTEMPTS, judged=judged, **options)


def with_stereo(graph: Graph, sample: Sample) -> Sample:
    """The sample in the hand that is asked, or failed."""
    if isinstance(sample.result, Failure) or sample.molecule is None:
        return sample
    if not keeps_bonds(sample.molecule):
        return replace(sample, result=Failure("stretched", "distances show other bonds than those asked"))
    if graph.has_stereo_of(sample.result):
        return sample
    other = mirror(sample.molecule)
    result = check(other)
    if not isinstance(result, Failure) and graph.has_stereo_of(result):
        return replace(sample, result=result, molecule=other)
    return replace(sample, result=Failure("stereo", f"asked {graph.stereo}, another stereoisomer came"))
