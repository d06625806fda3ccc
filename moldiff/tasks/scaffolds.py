"""Coordinates for scaffolds that come without, and fragments from scaffolds with stars."""

from collections.abc import Sequence

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import convert
from moldiff.chem.scaffold import Scaffold
from moldiff.chem.stereo import graph_of
from moldiff.errors import DomainError, MoleculeError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.tasks.conformers import sample_conformers
from moldiff.tasks.fragments import Fragment, open_attachment_points


def has_coordinates(scaffold: Scaffold) -> bool:
    """Whether it comes with coordinates in 3D, which then stay."""
    return bool(scaffold.mol.GetNumConformers() and scaffold.mol.GetConformer().Is3D())


def outline(scaffold: Scaffold) -> Molecule | Failure:
    """The molecule with its own coordinates, or with none where it has none in 3D."""
    if has_coordinates(scaffold):
        return convert(scaffold.mol)
    graph = graph_of(scaffold.mol)
    return graph if isinstance(graph, Failure) else graph.molecule


def locate(generator: MoleculeGenerator, scaffold: Scaffold, *, seed: int = 0) -> Molecule | Failure:
    """The molecule with coordinates: its own, those that the weights sample, or ETKDG's where they know none so small.

    Args:
        generator: of weights.
        scaffold: from `moldiff.chem.scaffold.scaffold_of`.
        seed: random seed.

    Returns:
        The molecule, its stars where their stereo wants them; or why there is none.
    """
    result = _coordinates(generator, scaffold, seed)
    return result if isinstance(result, Failure) else scaffold.place(result)


def _coordinates(generator: MoleculeGenerator, scaffold: Scaffold, seed: int) -> Molecule | Failure:
    if has_coordinates(scaffold):
        return convert(scaffold.mol)
    graph = graph_of(scaffold.mol)
    if isinstance(graph, Failure):
        return graph
    try:
        (sample,) = sample_conformers(generator, [graph], seed=seed)
    except DomainError:
        return scaffold.embed(seed=seed)
    if isinstance(sample.result, Failure) or sample.molecule is None:
        return sample.result if isinstance(sample.result, Failure) else Failure("coordinates", "none were sampled")
    return sample.molecule


def open_scaffold(
    scaffold: Scaffold,
    molecule: Molecule,
    attachments: Sequence[int] = (),
    *,
    site_sizes: Sequence[tuple[int, int]] = (),
) -> Fragment:
    """The scaffold without the hydrogens that make room.

    Args:
        scaffold: whose stars are the attachment points if it has some.
        molecule: as of `outline` or `locate`.
        attachments: numbers of atoms, from 0, of a scaffold without stars.
        site_sizes: least and greatest number of atoms to add at each site; in the order of the stars or attachments.

    Returns:
        The fragment.

    Raises:
        MoleculeError: as of `open_attachment_points`; or on stars and attachments together, or another number of
            sizes than of sites.
    """
    if scaffold.sites and len(attachments):
        raise MoleculeError(f"{molecule.label}: has stars at its attachment points; name no others")
    sites = scaffold.sites or attachments
    if site_sizes and len(site_sizes) != len(sites):
        raise MoleculeError(f"{molecule.label}: {len(site_sizes)} sizes for {len(sites)} sites; give each a size")
    return open_attachment_points(molecule, sites, hydrogens=scaffold.hydrogens, site_sizes=site_sizes)
