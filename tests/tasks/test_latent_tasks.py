"""Tasks by weights whose hydrogens are latent: what is given stays, in its order."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moldiff import tasks
from moldiff.build import build_denoiser
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.stereo import graph_of
from moldiff.chem.validity import check
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.sampler import DEFAULT_SAMPLER
from moldiff.data.domain import encode_folded
from moldiff.data.prepare import prepare
from moldiff.data.representation import represent
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError, MoldiffError, SizeError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.pretrained.bundle import Bundle
from moldiff.tasks.folded_molecule import FoldedMolecule, represented
from moldiff.tasks.partial_molecule import PartialMolecule
from moldiff.tasks.site_sizes import match_site_sizes, split_heavy_atoms

SMALL = NetworkConfig(num_blocks=2, atom=32, vector=4, pair=8, hidden=16, heads=2)
LATENT = ModelConfig(representation="latent", network=SMALL, decoder=SMALL)


@pytest.fixture(scope="module", params=["kekule", "aromatic"])
def latent(
    sample_sdf: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> MoleculeGenerator:
    """Weights that have learned nothing, for the molecules of the sample."""
    config = LATENT.model_copy(update={"bonds": request.param})
    path = tmp_path_factory.mktemp("stores") / "sample"
    prepare(sample_sdf, path)
    folded = represent(MoleculeStore(path), config)
    statistics = folded.statistics
    denoiser = build_denoiser(config, statistics)
    return MoleculeGenerator(
        Bundle(denoiser, config, statistics, folded.vocabulary, DEFAULT_SAMPLER, ""), weights="own"
    )


def shuffled(molecule: Molecule, seed: int = 0) -> Molecule:
    """The same with its atoms, hydrogens among them, in another order."""
    order = np.random.default_rng(seed).permutation(len(molecule))
    bond = molecule.bond[np.ix_(order, order)]
    return replace(
        molecule, elements=molecule.elements[order], charges=molecule.charges[order], pos=molecule.pos[order], bond=bond
    )


def complete(latent: MoleculeGenerator, part: PartialMolecule):
    folded = represented(part, latent.bundle.vocabulary, aromatic=latent.bundle.config.aromatic)
    (sample,) = latent.complete([folded.known(latent.bundle.vocabulary)], num_steps=2)
    return folded.restore(sample)


def test_a_known_molecule_comes_back_atom_by_atom(latent: MoleculeGenerator, molecules: list[Molecule]):
    """Everything is known: element, bonds and coordinates of each atom stay in the order that they were given in."""
    for molecule in map(shuffled, molecules[5:25]):
        back = complete(latent, PartialMolecule.of(replace(molecule, pos=molecule.pos + 300), "pos", "atom", "bond"))
        assert back.molecule is not None
        assert (back.molecule.elements == molecule.elements).all()
        assert (back.molecule.bond == molecule.bond).all()
        np.testing.assert_allclose(back.molecule.pos - 300, molecule.pos, atol=1e-3)
        assert not isinstance(back.result, Failure), back.result


def test_confidence_goes_with_its_atoms(latent: MoleculeGenerator, molecules: list[Molecule]):
    molecule = shuffled(max(molecules, key=len))
    back = complete(latent, PartialMolecule.of(molecule, "atom", "bond"))
    assert back.confidence is not None
    assert back.confidence.shape == (len(molecule), len(molecule))
    np.testing.assert_array_equal(back.confidence, back.confidence.T)
    hydrogen = molecule.elements == 1
    of_hydrogens = back.confidence[np.ix_(hydrogen, ~hydrogen)]  # each as sure as the class of its atom
    np.testing.assert_array_equal(of_hydrogens, of_hydrogens[:, :1].repeat(of_hydrogens.shape[1], 1))
    parents = molecule.bond[hydrogen].argmax(1)
    assert len({(parent, sure) for parent, sure in zip(parents, of_hydrogens[:, 0], strict=True)}) == len(set(parents))


def test_the_decoder_does_not_move_known_hydrogens(latent: MoleculeGenerator, molecules: list[Molecule]):
    """Untrained, it would put them anywhere: where hydrogens are known they are not taken from it."""
    molecule = next(m for m in molecules if (m.bond[:, m.elements == 1].sum(1) == 3).any() and len(m) > 6)
    part = PartialMolecule.of(molecule, "pos", "atom", "bond")
    folded = represented(part, latent.bundle.vocabulary, aromatic=latent.bundle.config.aromatic)
    (sample,) = latent.complete([folded.known(latent.bundle.vocabulary)], num_steps=2)
    assert sample.molecule is not None
    drawn = sample.molecule.pos - sample.molecule.pos[0] + molecule.pos[0]
    assert np.abs(np.sort(drawn, axis=0) - np.sort(molecule.pos, axis=0)).max() > 0.05
    assert np.abs(complete(latent, part).molecule.pos - molecule.pos).max() < 1e-3


def test_isomers_have_the_formula_or_fail(latent: MoleculeGenerator):
    for sample in tasks.isomers(latent, "C3H6O", num_samples=6, num_steps=4):
        if sample.valid:
            assert sample.molecule is not None
            assert sorted(sample.molecule.elements.tolist()) == [1] * 6 + [6, 6, 6, 8]
        else:
            assert sample.failure is not None
    with pytest.warns(UserWarning, match="unlike"), pytest.raises(ConfigError, match="no heavy atom"):
        tasks.isomers(latent, "H2", options=SamplingOptions(allow_extrapolation=True))


def test_a_further_attempt_keeps_the_hydrogens_on_their_atoms(latent: MoleculeGenerator, molecules: list[Molecule]):
    """And samples all bonds between heavy atoms again."""
    molecule, vocabulary = max(molecules, key=len), latent.bundle.vocabulary
    known = FoldedMolecule(PartialMolecule.of(molecule, "atom").with_hydrogen_bonds(), vocabulary).known(vocabulary)
    np.testing.assert_array_equal(known.values.atom[0].numpy(), encode_folded(molecule, vocabulary))
    assert known.atom.all()
    assert not known.bond.any()
    assert known.possible is None
    assert known.values.num_hydrogens is not None
    assert int(known.values.num_hydrogens) == (molecule.elements == 1).sum()


def test_conformers_have_the_atoms_in_their_order(latent: MoleculeGenerator):
    graph = graph_of(record_of_smiles("CC(=O)NC"))
    assert not isinstance(graph, Failure)
    for sample in tasks.conformers(latent, "CC(=O)NC", num_samples=3, num_steps=4):
        if sample.molecule is not None:
            assert (sample.molecule.elements == graph.molecule.elements).all()
            assert (sample.molecule.bond == graph.molecule.bond).all()


def test_decoration_keeps_the_scaffold(latent: MoleculeGenerator, molecules: list[Molecule]):
    scaffold, carbon = next((m, i) for m in molecules[4:] for i in carbons_with_hydrogens(m))
    kept = len(scaffold) - 1
    for sample in tasks.decorate(latent, scaffold, attach=carbon + 1, num_samples=5, num_steps=4):
        m = sample.molecule
        if m is None or (sample.failure is not None and sample.failure.reason == "changed"):
            continue
        gone = [i for i in range(len(scaffold)) if i not in _kept(scaffold, carbon)]
        assert len(gone) == 1
        np.testing.assert_allclose(m.pos[:kept], scaffold.pos[_kept(scaffold, carbon)], atol=1e-3)
        assert (m.elements[:kept] == scaffold.elements[_kept(scaffold, carbon)]).all()


def test_sites_have_the_atoms_that_they_were_to_have(latent: MoleculeGenerator, molecules: list[Molecule]):
    """Three atoms at one site are one, two or three heavy ones; counted again in what comes out."""
    scaffold, carbon = next((m, i) for m in molecules[4:] for i in carbons_with_hydrogens(m))
    numbers = {sum(split_heavy_atoms([(3, 3)], 3, heavy, 0, index)) for heavy in range(5) for index in range(5)}
    assert numbers == {1, 2, 3}
    for sample in tasks.decorate(latent, scaffold, attach={carbon + 1: 3}, num_samples=4, num_steps=3):
        assert sample.failure is not None or len(sample.molecule or ()) == len(scaffold) - 1 + 3
    ethane = read("CC", [[0, 0, 0], [1.5, 0, 0]])
    methanol = read("CO", [[0, 0, 0], [1.4, 0, 0]])
    for molecule, low, good in ((ethane, 4, True), (methanol, 4, False), (methanol, 2, True)):
        sample = Sample(0, check(molecule), molecule)
        found = match_site_sizes(sample, 4, [0], [(low, low)])
        assert found.valid is good


def read(atoms: str, pos: list[list[int | float]]) -> Molecule:
    """Two heavy atoms with hydrogens; first the carbon with three of its own."""
    others = {"C": 3, "O": 1}[atoms[1]]
    elements = np.array([6, 1, 1, 1, {"C": 6, "O": 8}[atoms[1]], *[1] * others])
    bond = np.zeros((len(elements), len(elements)), dtype=np.int64)
    bond[0, 1:5] = bond[1:5, 0] = 1
    bond[4, 5:] = bond[5:, 4] = 1
    places = np.random.default_rng(0).normal(size=(len(elements), 3)) + np.array(pos)[[0] * 4 + [1] * (1 + others)]
    return Molecule(elements, np.zeros(len(elements), np.int64), places, bond)


def carbons_with_hydrogens(molecule: Molecule) -> list[int]:
    there = (molecule.elements == 6) & (molecule.bond[:, molecule.elements == 1].sum(1) > 0)
    return np.flatnonzero(there).tolist()


def _kept(scaffold: Molecule, carbon: int) -> list[int]:
    last = max(np.flatnonzero((scaffold.bond[carbon] > 0) & (scaffold.elements == 1)))
    return [i for i in range(len(scaffold)) if i != last]


def test_numbers_of_atoms_that_no_molecule_has_are_refused(latent: MoleculeGenerator, molecules: list[Molecule]):
    scaffold = max(molecules, key=len)
    carbon = carbons_with_hydrogens(scaffold)[0]
    with pytest.raises((SizeError, MoldiffError), match=r"training data has|these weights know"):
        tasks.decorate(latent, scaffold, attach=carbon + 1, num_added=25)


def test_tasks_that_need_explicit_hydrogens_say_so(latent: MoleculeGenerator, molecules: list[Molecule]):
    message = "weights own: chemistry for given coordinates needs explicit hydrogens: --weights qm9"
    with pytest.raises(ConfigError, match=message):
        tasks.reshape(latent, molecules[3])


def test_geometries_keep_their_atoms(latent: MoleculeGenerator, molecules: list[Molecule]):
    """Bonds of the hydrogens are those of distances, heavy bonds are sampled; charged ones, too."""
    given = [shuffled(m) for m in molecules[10:20]]
    for molecule, sample in zip(given, tasks.perceive_bonds(latent, given, num_steps=3), strict=True):
        drawn = sample.molecule
        assert drawn is not None
        assert (drawn.elements == molecule.elements).all()
        np.testing.assert_allclose(drawn.pos, molecule.pos, atol=1e-3)
        hydrogen = molecule.elements == 1
        assert (drawn.bond[hydrogen] == molecule.bond[hydrogen]).all()


def test_a_class_that_the_weights_lack_fails_alone(latent: MoleculeGenerator, molecules: list[Molecule]):
    """Ammonium: no class is nitrogen with four hydrogens."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.59
    ammonium = Molecule(
        np.array([7, 1, 1, 1, 1]),
        np.zeros(5, np.int64),
        np.concatenate([np.zeros((1, 3)), corners]),
        np.zeros((5, 5), np.int64),
        properties={"charge": 1},
    )
    options = SamplingOptions(allow_extrapolation=True)
    with pytest.warns(UserWarning, match="unlike"):
        samples = tasks.perceive_bonds(latent, [ammonium, molecules[12]], num_steps=3, options=options)
    assert samples[0].failure is not None
    assert len(samples) == 2
