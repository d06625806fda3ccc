"""The screen never changes an answer, and it leaves few patterns to search for."""

from functools import cache
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import QED
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from safetensors.numpy import load_file

from moldiff.chem import alerts as module
from moldiff.chem.alerts import CATALOGS, alerts, pattern_of
from moldiff.chem.descriptors import main_descriptors, qed_parts
from moldiff.chem.substructure_screen import SubstructureScreen

DATA = Path(__file__).parents[2] / "datasets"
REACTIVE = (  # what bioactive molecules have seldom
    *("C=CC=O", "CC(=O)Cl", "CN=C=O", "CC1OC1C", "O=[N+]([O-])c1ccccc1", "CN=NC", "OO", "CSSC", "C[N+](C)(C)C", "ICC"),
    *(
        "O=C1C=CC(=O)C=C1",
        "S=C1NC(=O)CS1",
        "N#CC(C#N)=C",
        "CCCCCCCCCC",
        "O=C1OC(=O)C=C1",
        "[Se]1C=CC=C1",
        "CC=[N+]=[N-]",
    ),
    *("Nc1ccc(N)cc1", "c1ccc2c(c1)ccc1ccccc12", "CS(=O)(=O)OC", "C[Si](C)(C)C", "O=C(C#N)C", "CC(=O)C(=O)C", "B(O)O"),
    *("c1ccc(cc1)N=Nc1ccccc1", "OC1CC1(F)F", "C1CCCCCCCCCC1", "[2H]C([2H])Cl", "[NH4+]", "O", "[H][H]", "CP(=O)(O)ON"),
)


@cache
def molecules() -> list[Chem.Mol]:
    """Of QM9, MOSES and ChEMBL, and some that have alerts."""
    texts = bytes(load_file(DATA / "xtb3d" / "chunk-0000.safetensors")["smiles"]).decode().split()
    drawn = Chem.SDMolSupplier(str(DATA / "qm9" / "sample.sdf"))
    texts += [Chem.MolToSmiles(drawn[i]) for i in range(0, len(drawn), max(1, len(drawn) // 100))]
    return [Chem.MolFromSmiles(text) for text in (*texts, *REACTIVE)]


def catalog_of(name: str) -> FilterCatalog:
    chosen = FilterCatalogParams()
    chosen.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(chosen)


def test_alerts_are_those_of_rdkits_catalogs() -> None:
    catalogs = {name: catalog_of(name) for name in CATALOGS}
    seen = set()
    for mol in molecules():
        expected = {name: tuple(one.GetDescription() for one in of.GetMatches(mol)) for name, of in catalogs.items()}
        assert alerts(mol) == expected, Chem.MolToSmiles(mol)
        seen |= {(name, one) for name, found in expected.items() for one in found}
    assert len(seen) > 60  # different alerts


def test_most_patterns_need_no_search() -> None:
    entries, screen = module._entries()
    left = [len(screen.candidates(mol)) / len(entries) for mol in molecules()]
    assert sum(left) / len(left) < 0.06


def test_every_alert_has_its_pattern() -> None:
    entries, _ = module._entries()
    patterns = [pattern_of(entry) for _, entry in entries]
    assert len(patterns) == 765
    assert None not in patterns
    found = [(entry, match) for mol in molecules() for _, entry in entries for match in entry.GetFilterMatches(mol)]
    of = {
        entry.GetDescription(): Chem.MolToSmarts(pattern) for (_, entry), pattern in zip(entries, patterns, strict=True)
    }
    for entry, match in found[::50]:
        assert Chem.MolToSmarts(match.filterMatch.GetPattern()) == of[entry.GetDescription()]


def test_qed_and_its_parts_are_rdkits() -> None:
    for mol in molecules():
        assert qed_parts(mol) == QED.properties(mol), Chem.MolToSmiles(mol)
        assert main_descriptors(mol)["qed"] == QED.qed(mol)


@pytest.mark.parametrize(
    ("smarts", "fits", "does_not"),
    [
        ("[#6]=[#8]", "CC=O", "CCO"),  # order of a bond
        ("cN", "Nc1ccccc1", "NCc1ccccc1"),  # aromatic atoms
        ("NCCN", "NCCN", "NCCO"),  # two nitrogens
        ("CCCC", "CCCC", "CCC"),  # atoms
        ("C1CC1C", "CC1CC1", "CCCC"),  # rings
        ("[CX4;!R]O", "CO", "OC1CC1"),
        ("[C;r3]", "C1CC1", "C1CCC1"),
        ("C!@O", "CO", "C1CO1"),
        ("[N+]", "C[NH3+]", "CN"),
        ("[CH2]C", "CC(C)C=CC(=O)CC", "CC(C)C"),  # hydrogens
        ("[$(C=O),$(C=S)]N", "NC=S", "NC=N"),  # recursive: no bond for it
        ("[C;$(C#N)]", "CC#N", "CC=N"),
        ("[!$(CO);C]", "CO", "N"),  # one that must not match is not looked at
        ("[$(C[$(N=O)])]", "CN=O", "CN=N"),  # within another
    ],
)
def test_what_a_pattern_lacks_is_seen(smarts: str, fits: str, does_not: str) -> None:
    screen = SubstructureScreen([None, Chem.MolFromSmarts(smarts)])
    assert screen.candidates(Chem.MolFromSmiles(fits)) == [0, 1]
    assert screen.candidates(Chem.MolFromSmiles(does_not)) == [0]


def test_a_condition_that_is_not_known_is_taken_to_hold() -> None:
    screen = SubstructureScreen([Chem.MolFromSmarts("[C;x2;h1;v4;^2]~[#6;13*]")])
    assert screen.candidates(Chem.MolFromSmiles("CC")) == [0]
