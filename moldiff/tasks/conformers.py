"""Coordinates for given atoms and bonds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from moldiff.chem.molecule import Failure
from moldiff.chem.stereo import Graph, graph_of, keeps_bonds, mirror
from moldiff.chem.stereo import largest_fragment as largest_fragment_of
from moldiff.chem.validity import Checked, check
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import attempts
from moldiff.tasks.defaults import CONFORMERS
from moldiff.tasks.inputs import Molecules, records_of, usable
from moldiff.tasks.partial_molecule import PartialMolecule, check_domains
from moldiff.tasks.routing import Router


def conformers(
    generator: MoleculeGenerator | Router | str,
    molecules: Molecules,
    *,
    num_samples: int = CONFORMERS.num_samples,
    seed: int = 0,
    num_steps: int = CONFORMERS.num_steps,
    largest_fragment: bool = False,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> list[Sample]:
    """Samples coordinates for molecules; atoms, bonds and the given stereo stay.

    Args:
        generator: samples; a name of weights, or `auto`, will do.
        molecules: a SMILES, a file, an RDKit molecule, a `Molecule`, or a sequence of these.
        num_samples: conformers of each.
        seed: random seed.
        num_steps: network evaluations of an attempt.
        largest_fragment: of a salt or a mixture keep the part with most heavy atoms; else it is refused.
        options: as of `MoleculeGenerator.stream`.

    Returns:
        Samples in order, those of one molecule together; failures in the place of what is refused.

    Raises:
        DataError: if no molecule can be completed.
    """
    router = Router.of(generator, allow_extrapolation=options.allow_extrapolation)
    label, records = records_of(molecules)
    make = partial(graph_of_record, largest=largest_fragment)
    found = usable(label, records, lambda graph: router.name_of(graph.molecule), make=make)
    found.check(label)
    names = [router.name_of(graph.molecule) for graph in found.items]
    samples = router.complete(
        sample_conformers,
        found.items,
        names=names,
        num_each=num_samples,
        seed=seed,
        num_steps=num_steps,
        options=options,
    )
    return found.in_place(samples, num_samples)


def graph_of_record(record: Checked, *, largest: bool = False) -> Graph | Failure:
    """The graph of a record; `largest` keeps the largest fragment alone."""
    graph = record if isinstance(record, Failure) else graph_of(largest_fragment_of(record) if largest else record)
    if isinstance(graph, Failure) and graph.reason == "fragments":
        return replace(graph, detail=f"{graph.detail}; largest_fragment=True keeps the largest alone")
    return graph


def sample_conformers(
    generator: MoleculeGenerator,
    graphs: Sequence[Graph],
    *,
    num_each: int = 1,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Samples coordinates; atoms and bonds stay, and the given stereo is kept.

    The network is achiral: a wrong enantiomer is mirrored, a diastereomer is sampled again. A failure `stereo` says
    that none of the attempts had the given stereo, `stretched` that distances show other bonds.

    Args:
        generator: of weights.
        graphs: from `moldiff.chem.stereo.graph_of`.
        num_each: conformers of each.
        allow_extrapolation: accept molecules unlike those of the training data, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one graph together.
    """
    check_domains(generator, [graph.molecule for graph in graphs], allow_extrapolation=allow_extrapolation)

    def part_of(number: int, attempt: int) -> PartialMolecule:
        return PartialMolecule.of(graphs[number // num_each].molecule, "atom", "bond")

    def correct(number: int, sample: Sample) -> Sample:
        return match_stereo(graphs[number // num_each], sample)

    return attempts(
        generator, num_each * len(graphs), part_of, most=CONFORMERS.num_attempts, correct=correct, **options
    )


def match_stereo(graph: Graph, sample: Sample) -> Sample:
    """The sample as the given enantiomer, or failed."""
    if isinstance(sample.result, Failure) or sample.molecule is None:
        return sample
    if not keeps_bonds(sample.molecule):
        return replace(sample, result=Failure("stretched", "distances show other bonds than those given"))
    if graph.has_stereo_of(sample.result):
        return sample
    other = mirror(sample.molecule)
    result = check(other)
    if not isinstance(result, Failure) and graph.has_stereo_of(result):
        return replace(sample, result=result, molecule=other)
    return replace(sample, result=Failure("stereo", f"given {graph.stereo}, another stereoisomer was sampled"))
