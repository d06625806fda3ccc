from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.formula import parse_formula
from moldiff.chem.fragments import pieces as owners
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.stereo import Graph, graph_of
from moldiff.chem.validity import canonical_smiles
from moldiff.errors import DomainError, MoleculeError, SizeError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.tasks.bond_sampling import sample_bonds
from moldiff.tasks.conformers import match_stereo, sample_conformers
from moldiff.tasks.fragments import Fragment, check_fragment, grow, open_attachment_points
from moldiff.tasks.isomers import sample_isomers
from moldiff.tasks.shape import sample_shapes


def graph(smiles: str) -> Graph:
    record = record_of_smiles(smiles)
    assert not isinstance(record, Failure)
    result = graph_of(record)
    assert isinstance(result, Graph)
    return result


def bare(molecule: Molecule) -> Molecule:
    return replace(molecule, bond=0 * molecule.bond, charges=0 * molecule.charges, properties={})


def drawn(samples: list[Sample]) -> list[Molecule]:
    return [sample.molecule for sample in samples if sample.molecule is not None]


def test_perception_finds_the_bonds_of_qm9(generator: MoleculeGenerator, molecules: list[Molecule]):
    samples = list(sample_bonds(generator, [bare(m) for m in molecules]))
    found = drawn(samples)
    right = sum(bool((m.bond == f.bond).all()) for m, f in zip(molecules, found, strict=True))
    assert right >= 0.95 * len(molecules)
    assert all(
        (m.pos == f.pos).all() and (m.elements == f.elements).all() for m, f in zip(molecules, found, strict=True)
    )
    sure = samples[0].confidence
    assert sure is not None
    assert sure.shape == found[0].bond.shape
    assert 0.9 < sure[found[0].bond > 0].min() <= 1


def test_perception_keeps_the_total_charge(generator: MoleculeGenerator, molecules: list[Molecule]):
    charged = replace(bare(molecules[0]), properties={"charge": 1})
    with pytest.raises(DomainError, match=r"a net charge of \+1; these weights know neutral molecules only"):
        sample_bonds(generator, [charged])
    with pytest.warns(UserWarning, match="do not rely"):
        (wrong,) = sample_bonds(generator, [charged], num_steps=4, allow_extrapolation=True)
    assert isinstance(wrong.result, Failure)
    assert wrong.result.reason in {"charge", "radical", "valence"}
    with pytest.raises(MoleculeError, match="'x', expected an integer"):
        sample_bonds(generator, [replace(bare(molecules[0]), properties={"charge": "x"})])


@pytest.mark.parametrize("smiles", ["C[C@H](O)C#N", "C[C@@H](O)C#N", "C/C=C/C", "C/C=C\\C", "C[C@H]1C[C@@H]1F"])
def test_conformers_have_the_stereo_of_the_smiles(generator: MoleculeGenerator, smiles: str):
    samples = list(sample_conformers(generator, [graph(smiles)], num_each=4))
    for sample in samples:
        assert not isinstance(sample.result, Failure)
        assert canonical_smiles(sample.result, stereo=True) == Chem.CanonSmiles(smiles)
    assert len({m.pos.tobytes() for m in drawn(samples)}) == 4


def test_conformer_of_the_other_isomer_is_turned_or_refused(generator: MoleculeGenerator):
    (one,) = sample_conformers(generator, [graph("C[C@H](O)C#N")])
    turned = match_stereo(graph("C[C@@H](O)C#N"), one)
    assert turned.valid
    assert turned.molecule is not None
    assert one.molecule is not None
    assert np.allclose(turned.molecule.pos[:, 0], -one.molecule.pos[:, 0])
    (trans,) = sample_conformers(generator, [graph("C/C=C/C")])
    refused = match_stereo(graph("C/C=C\\C"), trans)
    assert isinstance(refused.result, Failure)
    assert refused.result.reason == "stereo"
    assert trans.molecule is not None
    apart = match_stereo(graph("C/C=C/C"), replace(trans, molecule=replace(trans.molecule, pos=2 * trans.molecule.pos)))
    assert isinstance(apart.result, Failure)
    assert apart.result.reason == "stretched"


def test_isomers_have_the_formula(generator: MoleculeGenerator):
    samples = list(sample_isomers(generator, [parse_formula("C5H8O2")] * 12, num_steps=20))
    assert sum(sample.valid for sample in samples) >= 9
    assert all(Counter(m.elements.tolist()) == {6: 5, 1: 8, 8: 2} for m in drawn(samples))
    assert {m.name for m in drawn(samples)} == {"C5H8O2"}
    assert len({canonical_smiles(s.result) for s in samples if not isinstance(s.result, Failure)}) > 4


def test_isomers_fit_their_bonds_from_early_on_unless_a_sampler_says_otherwise(generator: MoleculeGenerator):
    formulas = [parse_formula("C5H8O2")] * 6

    def outcome(options: SamplingOptions) -> list[str]:
        samples = sample_isomers(generator, formulas, num_steps=8, most=1, options=options)
        return [canonical_smiles(s.result) if isinstance(s.result, Chem.Mol) else s.result.reason for s in samples]

    held = outcome(SamplingOptions())
    assert held == outcome(SamplingOptions(valence=1.0, valence_time=0.6))
    assert held != outcome(SamplingOptions(valence=0.0))
    sampler = generator.bundle.sampler
    assert outcome(SamplingOptions(sampler=sampler)) == outcome(SamplingOptions(valence=0.0))


def test_reshape_keeps_coordinates(generator: MoleculeGenerator, molecules: list[Molecule]):
    shapes = [m for m in molecules if len(m) > 8][:10]  # methane and its like are rare in the data
    samples = list(sample_shapes(generator, [replace(bare(m), elements=0 * m.elements + 1) for m in shapes]))
    assert len(shapes) == 10
    assert sum(sample.valid for sample in samples) >= 9
    assert all((m.pos == f.pos).all() for m, f in zip(shapes, drawn(samples), strict=True))


def test_scaffold_stays_and_only_open_atoms_get_bonds(generator: MoleculeGenerator):
    (ring,) = drawn(list(sample_conformers(generator, [graph("c1ccoc1")])))
    fragment = open_attachment_points(ring, [0])
    n = len(fragment.molecule)
    assert n == len(ring) - 1
    assert fragment.open.sum() == 1
    samples = list(grow(generator, [fragment], num_each=8, num_added=(3, 7), num_steps=20))
    assert sum(sample.valid for sample in samples) >= 6
    for molecule in drawn(samples):
        assert 3 <= len(molecule) - n <= 7
        assert (molecule.pos[:n] == fragment.molecule.pos).all()
        assert (molecule.bond[:n, :n] == fragment.molecule.bond).all()
        assert not molecule.bond[:n, n:][~fragment.open].any()


def test_linked_pieces_become_one(generator: MoleculeGenerator, molecules: list[Molecule]):
    (ether,) = drawn(list(sample_conformers(generator, [graph("CCOCC")])))
    mol = to_rdkit(ether)
    oxygen = next(atom.GetIdx() for atom in mol.GetAtoms() if atom.GetSymbol() == "O")
    kept = np.delete(np.arange(len(ether)), oxygen)
    pieces = Fragment(
        replace(
            ether,
            elements=ether.elements[kept],
            charges=ether.charges[kept],
            pos=ether.pos[kept],
            bond=ether.bond[np.ix_(kept, kept)],
        ),
        (ether.bond[oxygen] > 0)[kept],
    )
    samples = list(grow(generator, [pieces], num_each=4, num_added=1, num_steps=20))
    assert [canonical_smiles(s.result) for s in samples if not isinstance(s.result, Failure)].count("CCOCC") >= 3

    far = replace(pieces.molecule, pos=pieces.molecule.pos.copy())
    far.pos[owners(far) == 1] += 40
    with pytest.raises(MoleculeError, match="further than 1 atoms reach"):
        check_fragment(generator, replace(pieces, molecule=far), 1)
    near = replace(far, pos=pieces.molecule.pos.copy())
    near.pos[owners(far) == 1] = near.pos[owners(far) == 0]
    with pytest.raises(MoleculeError, match="overlap"):
        check_fragment(generator, replace(pieces, molecule=near), 1)
    with pytest.raises(MoleculeError, match="distances show other bonds"):
        check_fragment(generator, replace(pieces, molecule=replace(far, pos=0.7 * pieces.molecule.pos)), 1)
    with pytest.raises(MoleculeError, match="no attachment"):
        check_fragment(generator, replace(pieces, open=pieces.open & (owners(far) == 0)), 1)
    with pytest.raises(SizeError, match="know up to 29"):
        check_fragment(generator, pieces, 30)


@pytest.mark.parametrize(
    ("attachments", "message"),
    [([50], "atom 51 is none"), ([3], "no hydrogen to give"), ([], "at least one"), ([0] * 4, "no hydrogen to give")],
)
def test_impossible_attachments_are_refused(attachments: list[int], message: str):
    with pytest.raises(MoleculeError, match=message):
        open_attachment_points(graph("CCO").molecule, attachments)
