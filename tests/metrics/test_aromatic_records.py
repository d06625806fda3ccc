"""Aromatic bonds where no aromatic ring is: RDKit takes them for single bonds, a score does not."""

from itertools import pairwise
from pathlib import Path

import pytest
from rdkit import Chem, RDConfig

from moldiff.chem.kekule import aromatic_fault
from moldiff.chem.molecule import Failure
from moldiff.chem.rdkit_conversion import convert
from moldiff.chem.validity import judge
from moldiff.io.formats import read_records
from moldiff.metrics.score import score

Bonds = list[tuple[int, int, int]]
RING = [(i, (i + 1) % 6, 4) for i in range(6)]


def sdf(symbols: str, bonds: Bonds) -> str:
    """A record; order 4 is aromatic."""
    lines = ["", "", "", f"{len(symbols):3d}{len(bonds):3d}  0  0  0  0  0  0  0  0999 V2000"]
    lines += [f"{i:10.4f}{i % 3:10.4f}{i % 2:10.4f} {s:3} 0  0" for i, s in enumerate(symbols)]
    lines += [f"{i + 1:3d}{j + 1:3d}{order:3d}  0" for i, j, order in bonds]
    return "\n".join([*lines, "M  END", "$$$$", ""])


def spokes(order: int, count: int = 6) -> Bonds:
    return [(i % 6, i + 6, order) for i in range(count)]


STRAY: dict[str, tuple[str, Bonds]] = {
    "water": ("OHH", [(0, 1, 4), (0, 2, 4)]),
    "water, one bond": ("OHH", [(0, 1, 4), (0, 2, 1)]),
    "methane": ("CHHHH", [(0, i, 4) for i in range(1, 5)]),
    "ethane": ("CCHHHHHH", [(0, 1, 4), *((0, i, 1) for i in (2, 3, 4)), *((1, i, 1) for i in (5, 6, 7))]),
    "butadiene": (
        "CCCCHHHHHH",
        [*((i, j, 4) for i, j in pairwise(range(4))), *((i, 4 + k, 1) for k, i in enumerate((0, 0, 1, 2, 3, 3)))],
    ),
    "benzene and its hydrogens": ("CCCCCCHHHHHH", RING + spokes(4)),
    "benzene and one hydrogen": ("CCCCCCHHHHHH", [*RING, *spokes(1, 5), (5, 11, 4)]),
    "one bond of cyclohexane": (6 * "C" + 12 * "H", [(0, 1, 4), *((i, j, 1) for i, j, _ in RING[1:]), *spokes(1, 12)]),
}


@pytest.mark.parametrize("case", STRAY)
def test_an_aromatic_bond_outside_aromatic_rings_is_no_bond(case: str, tmp_path: Path):
    (tmp_path / "x.sdf").write_text(sdf(*STRAY[case]))
    ((_, record),) = read_records(tmp_path / "x.sdf")
    assert isinstance(record, Chem.Mol)
    result = score([record], protocols=["midi", "geom-revised"])
    assert set(result.failures) == {"valence" if case == "methane" else "kekulize"}
    assert [result.rates[name].numerator for name in ("sanitised", "valid", "stable")] == [0, 0, 0]
    assert result.protocols["geom-revised"]["stable"].numerator == 0
    assert result.protocols["geom-revised"]["valid"].numerator == 0
    molecule = convert(record)
    assert isinstance(molecule, Failure)
    assert molecule.reason == "kekulize"


def test_midi_counts_it_as_its_published_code_does(tmp_path: Path):
    """An aromatic bond is 1 there wherever it stands, so H:O:H is stable; RDKit refuses what that code builds of it."""
    (tmp_path / "x.sdf").write_text(sdf(*STRAY["water"]))
    ((_, record),) = read_records(tmp_path / "x.sdf")
    assert Chem.SanitizeMol(Chem.Mol(record), catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE
    rates = score([record], protocols=["midi"]).protocols["midi"]
    assert (rates["stable"].numerator, rates["valid"].numerator) == (1, 0)


def test_a_saturated_ring_is_not_aromatic(tmp_path: Path):
    (tmp_path / "x.sdf").write_text(sdf(6 * "C" + 12 * "H", RING + spokes(1, 12)))
    ((_, record),) = read_records(tmp_path / "x.sdf")
    assert judge(record).failure == Failure("kekulize", "C (atom 1) has four neighbours and aromatic bonds")
    assert isinstance(convert(record), Failure)


def test_aromatic_rings_pass(tmp_path: Path):
    (tmp_path / "x.sdf").write_text(sdf("CCCCCCHHHHHH", RING + spokes(1)))
    ((_, record),) = read_records(tmp_path / "x.sdf")
    assert (judge(record).smiles, judge(record).stable) == ("c1ccccc1", True)
    (tmp_path / "x.smi").write_text("c1ccccc1c1ccccc1\nc1ccc2c(c1)Cc1ccccc12\nc1cccc2cccc2c1\nC1:C:C:C:C:C:1\n")
    verdicts = [judge(record) for _, record in read_records(tmp_path / "x.smi")]
    assert [verdict.valid and verdict.stable for verdict in verdicts] == [True] * 4


def test_what_rdkit_finds_aromatic_passes():
    lines = Path(RDConfig.RDDataDir, "NCI", "first_200.props.sdf")
    mols = [mol for mol in Chem.SDMolSupplier(str(lines), removeHs=False) if mol is not None]
    assert sum(bond.GetIsAromatic() for mol in mols for bond in mol.GetBonds()) > 500
    assert [aromatic_fault(mol) for mol in mols] == [None] * len(mols)
