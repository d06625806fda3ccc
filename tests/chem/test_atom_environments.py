import subprocess
import sys

import pytest
from rdkit import Chem
from renumbering import shuffled

from moldiff.chem.alerts import CATALOGS, alerts
from moldiff.chem.environments import RADII, environments, functional_groups

DRUG = "CC(=O)N1CCC2(CC1)OCc1c2cnc(-c2ccc3[nH]ccc3c2)n1"


@pytest.mark.parametrize(
    ("smiles", "groups"),
    [
        ("CC", []),
        ("CC(=O)O", ["*C(=O)O"]),
        ("CC=O", ["*C=O"]),
        ("CC(C)=O", ["*C(*)=O"]),
        ("c1ccncc1", ["*n*"]),
        ("[O-][n+]1ccccc1", ["*[n+](*)[O-]"]),
        ("Clc1ccccc1", ["*Cl"]),
        ("OCCO", ["*O", "*O"]),
        ("COCO", ["*OCO"]),  # an acetal is one group
        ("C1CO1", ["C1CO1"]),
        ("C=CC=O", ["C=CC=O"]),
        ("O=c1cc[nH]cc1", ["*[nH]*", "*c(*)=O"]),
        ("CS(N)(=O)=O", ["*S(N)(=O)=O"]),
    ],
)
def test_functional_groups_are_those_of_ertl(smiles: str, groups: list[str]):
    assert functional_groups(Chem.MolFromSmiles(smiles)) == groups


def test_environments_groups_and_alerts_do_not_depend_on_the_order_of_atoms():
    mol = Chem.MolFromSmiles(DRUG)
    for seed in range(10):
        for find in (environments, functional_groups, alerts):
            assert find(shuffled(mol, seed)) == find(mol)


def test_environments_are_the_same_in_another_process():
    code = "from rdkit import Chem; from moldiff.chem.environments import environments"
    code += f"; print(sorted(environments(Chem.MolFromSmiles({DRUG!r}))[2]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(sorted(environments(Chem.MolFromSmiles(DRUG))[2]))


def test_environments_grow_with_the_radius():
    ethane, propane, butane = (environments(Chem.MolFromSmiles(smiles)) for smiles in ("CC", "CCC", "CCCC"))
    assert [len(ethane[radius]) for radius in RADII] == [1, 1]
    assert [len(propane[radius]) for radius in RADII] == [2, 2]
    assert propane[1] & butane[1]  # the methyl group
    assert not propane[2] & butane[2]


def test_alerts_are_named_by_catalog():
    found = alerts(Chem.MolFromSmiles("O=[N+]([O-])c1ccccc1N=Nc1ccccc1"))
    assert tuple(found) == CATALOGS
    assert "nitro_group" in found["BRENK"]
    assert found["PAINS"]
    assert alerts(Chem.MolFromSmiles("CCO")) == dict.fromkeys(CATALOGS, ())
