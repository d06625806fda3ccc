"""The functions of moldiff.tasks: plain types in, a list of samples out, failures in the place of what is refused."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import moldiff
from moldiff.cli import fragments as fragment_commands
from moldiff.cli import tasks as task_commands
from moldiff.generation.generator import MoleculeGenerator
from moldiff.tasks.routing import Router
from moldiff.tasks.sites import Sites

FEW = {"num_steps": 2}


def test_conformers_take_any_molecules_and_keep_the_place_of_refused_ones(generator: MoleculeGenerator):
    water = moldiff.Molecule(
        np.array([8, 1, 1]),
        np.zeros(3, dtype=int),
        np.array([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]),
        np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]]),
    )
    given = ["CCO", "%%%", water, moldiff.to_rdkit(water), "CCBr"]
    samples = moldiff.tasks.conformers(generator, given, num_samples=2, **FEW)
    assert [s.index for s in samples] == list(range(10))
    refused = [None if s.failure is None or s.molecule else s.failure.reason for s in samples]
    assert [reason for reason in refused if reason] == ["unreadable"] * 2 + ["vocabulary"] * 2
    assert refused[2:4] == ["unreadable"] * 2
    assert refused[8:] == ["vocabulary"] * 2
    with pytest.raises(moldiff.DataError, match="neither a file nor a SMILES"):
        moldiff.tasks.conformers(generator, "%%%")
    with pytest.raises(moldiff.DataError, match="largest_fragment=True"):
        moldiff.tasks.conformers(generator, "CCO.CCO")


def test_decorate_keeps_its_scaffold(generator: MoleculeGenerator):
    samples = moldiff.tasks.decorate(generator, "*c1ccco1", num_added=(3, 6), num_samples=3, num_steps=10)
    assert len(samples) == 3
    for sample in samples:
        assert sample.molecule is not None
        assert 8 + 3 <= len(sample.molecule) <= 8 + 6
    with pytest.raises(moldiff.DataError, match=r"such as attach=3"):
        moldiff.tasks.decorate(generator, "CCO")
    with pytest.raises(moldiff.ConfigError, match="need coordinates in 3D"):
        moldiff.tasks.link(generator, ["C*", "*C"])


def test_isomers_have_the_formula(generator: MoleculeGenerator):
    samples = moldiff.tasks.isomers(generator, "C3H6O", num_samples=2, num_steps=3)
    for sample in samples:
        assert sample.molecule is not None
        assert sorted(sample.molecule.elements.tolist()) == [1] * 6 + [6] * 3 + [8]
    with pytest.raises(moldiff.ConfigError, match="here targets rank particles"):
        moldiff.tasks.isomers(generator, "C3H6O", target={"gap": 6})


def test_geometries_keep_their_coordinates(generator: MoleculeGenerator, sample_sdf: Path):
    molecules = [record for _, record in moldiff.read_molecules(sample_sdf)][60:62]
    bonded = moldiff.tasks.perceive_bonds(generator, molecules, num_steps=4)
    reshaped = moldiff.tasks.reshape(generator, molecules, num_samples=1, num_steps=4)
    for samples in (bonded, reshaped):
        for molecule, sample in zip(molecules, samples, strict=True):
            assert isinstance(molecule, moldiff.Molecule)
            assert sample.molecule is not None
            assert np.abs(sample.molecule.pos - molecule.pos).max() < 1e-3
    assert bonded[0].confidence is not None


def test_sites_in_plain_values():
    assert Sites.of(3) == Sites.of([3]) == Sites((3,))
    assert Sites.of({3: (4, 9), 5: 2}) == Sites((3, 5), ((4, 9), (2, 2)))
    assert Sites.of("[CH2]") == Sites(smarts="[CH2]")
    with pytest.raises(moldiff.ConfigError, match="not both"):
        Sites.of({3: 4}, 5)
    with pytest.raises(moldiff.ConfigError, match="at least 1"):
        Sites.of({3: (4, 2)})


def test_router_of_a_generator_is_its_own_weights(generator: MoleculeGenerator):
    assert Router.of(generator).generator(Router.of(generator).weights) is generator
    auto = Router.of("auto")
    assert auto.weights == "auto"
    assert Router.of(auto) is auto


@pytest.mark.parametrize("name", ["decorate", "link", "isomers", "conformers", "perceive_bonds", "reshape"])
def test_command_and_function_have_the_same_defaults(name: str):
    command = getattr(fragment_commands, name, None) or getattr(task_commands, name)
    ours, theirs = (inspect.signature(one).parameters for one in (getattr(moldiff.tasks, name), command))
    same = {"num_steps", "seed", "num_particles", "add_hydrogens", "largest_fragment", "charge"} & set(ours)
    assert {key: ours[key].default for key in same} == {key: theirs[key].default for key in same}
    count = theirs.get("num_each") or theirs.get("num_samples")
    if count is not None and "num_samples" in ours:
        assert ours["num_samples"].default == count.default
