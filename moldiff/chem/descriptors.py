"""Numbers of a molecular formula that RDKit computes, and how alike molecules are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, rdFingerprintGenerator, rdMolDescriptors
from scipy.sparse.csgraph import connected_components

from moldiff.chem.each import each_atom
from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.substructure_screen import SubstructureScreen
from moldiff.chem.validity import canonical_smiles, sanitise

MOST_COMPARED = 2000  # molecules; their pairs are two million


def _synthetic_accessibility(mol: Chem.Mol) -> float:
    """1 easy to 10 hard; Ertl and Schuffenhauer 2009, J. Cheminform. 1, 8."""
    return _accessibility()(mol)


@cache
def _accessibility() -> Callable[[Chem.Mol], float]:
    from rdkit.Contrib.SA_Score import sascorer  # pyright: ignore[reportMissingImports] - reads a table at first use

    return sascorer.calculateScore


@dataclass(frozen=True)
class Descriptor:
    """A number of a molecule.

    Attributes:
        compute: from RDKit's molecule with implicit hydrogens.
        spread: standard deviation among the drug-like molecules of MOSES (2,000, by chance); 1 of what is rare there.
        unit: of the number; empty where there is none.
    """

    compute: Callable[..., float]
    spread: float
    unit: str = ""


# logP: Wildman and Crippen 1999; QED: Bickerton et al. 2012, Nature Chemistry 4, 90.
DESCRIPTORS = {
    "weight": Descriptor(Descriptors.MolWt, 28.0, "g/mol"),  # pyright: ignore[reportAttributeAccessIssue]
    "logp": Descriptor(Crippen.MolLogP, 0.94),  # pyright: ignore[reportAttributeAccessIssue]
    "qed": Descriptor(QED.qed, 0.095),
    "sa": Descriptor(_synthetic_accessibility, 0.45),
    "tpsa": Descriptor(rdMolDescriptors.CalcTPSA, 18.0, "Å²"),
    "donors": Descriptor(rdMolDescriptors.CalcNumHBD, 0.83),
    "acceptors": Descriptor(rdMolDescriptors.CalcNumHBA, 1.2),
    "rotatable": Descriptor(rdMolDescriptors.CalcNumRotatableBonds, 1.5),
    "rings": Descriptor(rdMolDescriptors.CalcNumRings, 0.80),
    "aromatic_rings": Descriptor(rdMolDescriptors.CalcNumAromaticRings, 0.78),
    "heteroatoms": Descriptor(rdMolDescriptors.CalcNumHeteroatoms, 1.3),
    "fsp3": Descriptor(rdMolDescriptors.CalcFractionCSP3, 0.18),
    "bridgeheads": Descriptor(rdMolDescriptors.CalcNumBridgeheadAtoms, 1.0),
    "spiro": Descriptor(rdMolDescriptors.CalcNumSpiroAtoms, 1.0),
}


def main_descriptors(mol: Chem.Mol) -> dict[str, float]:
    """`qed`, `sa`, `logp` and `weight` of a molecule with implicit hydrogens; QED's parts are computed once."""
    parts = qed_parts(mol)
    qed = QED.qed(mol, qedProperties=parts)
    numbers = parts._asdict()
    return {"qed": qed, "sa": _synthetic_accessibility(mol), "logp": numbers["ALOGP"], "weight": numbers["MW"]}


def qed_parts(mol: Chem.Mol) -> QED.QEDproperties:
    """`QED.properties` of RDKit: the same numbers, without a search for patterns that cannot match.

    Args:
        mol: sanitised, hydrogens implicit.

    Returns:
        The eight properties, by RDKit's names.

    Source: Bickerton et al. 2012, Nature Chemistry 4, 90, with RDKit's patterns.
    """
    if any(atom.GetAtomicNum() == 1 for atom in each_atom(mol)):  # H2, hydrides, labels
        mol = Chem.RemoveHs(mol)
    found = _qed_screen().candidates(mol)
    acceptors = (QED.Acceptors[place] for place in found if place < len(QED.Acceptors))
    alerts = (QED.StructuralAlerts[place - len(QED.Acceptors)] for place in found if place >= len(QED.Acceptors))
    arenes = Chem.DeleteSubstructs(Chem.Mol(mol), QED.AliphaticRings) if mol.GetRingInfo().NumRings() else None
    return QED.QEDproperties(
        MW=Descriptors.MolWt(mol),  # pyright: ignore[reportAttributeAccessIssue]
        ALOGP=Crippen.MolLogP(mol),  # pyright: ignore[reportAttributeAccessIssue]
        HBA=sum(len(mol.GetSubstructMatches(pattern)) for pattern in acceptors),
        HBD=rdMolDescriptors.CalcNumHBD(mol),
        PSA=rdMolDescriptors.CalcTPSA(mol),
        ROTB=rdMolDescriptors.CalcNumRotatableBonds(mol, rdMolDescriptors.NumRotatableBondsOptions.Strict),
        AROM=0 if arenes is None else len(Chem.GetSSSR(arenes)),
        ALERTS=sum(mol.HasSubstructMatch(pattern) for pattern in alerts),
    )


@cache
def _qed_screen() -> SubstructureScreen:
    return SubstructureScreen([*QED.Acceptors, *QED.StructuralAlerts])


def descriptors(smiles: Sequence[str]) -> Float[np.ndarray, "m d"]:
    """A row of all `DESCRIPTORS` for each molecule.

    Args:
        smiles: as `moldiff.chem.validity.canonical_smiles` gives them; one that RDKit does not read is left out.

    Returns:
        The numbers, in the order of the dictionary.
    """
    values = _values(list(DESCRIPTORS), smiles)
    return values[~np.isnan(values).all(1)]


def descriptor(name: str, smiles: Sequence[str]) -> Float[np.ndarray, "m"]:
    """One of `DESCRIPTORS` for each molecule, NaN for one that RDKit does not read."""
    return _values([name], smiles)[:, 0]


def describe(names: Sequence[str], molecules: Sequence[Molecule]) -> Float[np.ndarray, "m d"]:
    """Some of `DESCRIPTORS` of molecules that need not be valid.

    Args:
        names: of the descriptors.
        molecules: with all hydrogens.

    Returns:
        A row for each molecule, NaN for one that RDKit does not sanitise.
    """
    mols = [to_rdkit(molecule) for molecule in molecules]
    return _values(names, ["" if sanitise(mol) else canonical_smiles(mol) for mol in mols])


def diversity(smiles: Sequence[str], *, seed: int = 0) -> float:
    """One less the mean Tanimoto similarity of two different molecules, Morgan fingerprints of radius 2, 2,048 bits.

    Args:
        smiles: of the molecules; of more than `MOST_COMPARED` a random choice is compared.
        seed: of the choice.

    Returns:
        0 to 1; NaN of fewer than two molecules.

    Source: Benhenda 2017, arXiv:1708.08227 (internal diversity).
    """
    chosen = np.random.default_rng(seed).permutation(len(smiles))[:MOST_COMPARED]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(mol) for mol in _read([smiles[int(i)] for i in chosen])]
    if len(prints) < 2:
        return float("nan")
    total = sum(sum(DataStructs.BulkTanimotoSimilarity(prints[i], prints[:i])) for i in range(1, len(prints)))
    return 1 - total / (len(prints) * (len(prints) - 1) / 2)


def _read(smiles: Iterable[str]) -> Iterator[Chem.Mol]:
    with rdBase.BlockLogs():
        yield from (mol for one in smiles if (mol := Chem.MolFromSmiles(one)) is not None)


def _values(names: Sequence[str], smiles: Sequence[str]) -> Float[np.ndarray, "m d"]:
    """Of some descriptors; NaN for a SMILES that is empty or that RDKit does not read."""
    out = np.full((len(smiles), len(names)), np.nan)
    with rdBase.BlockLogs():
        for row, text in enumerate(smiles):
            mol = Chem.MolFromSmiles(text) if text else None
            if mol is not None:
                out[row] = [float(DESCRIPTORS[name].compute(mol)) for name in names]
    return out


_ATOM = Chem.Atom(6)  # rings do not depend on what the atoms are


def num_rings(molecule: Molecule) -> int:
    """Rings of RDKit's symmetrised smallest set; of any molecule, valid or not."""
    mol = Chem.RWMol()
    for _ in range(len(molecule)):
        mol.AddAtom(_ATOM)
    begin, end = np.nonzero(molecule.bond)
    for i, j in zip(begin.tolist(), end.tolist(), strict=True):
        if i < j:
            mol.AddBond(i, j)
    return len(Chem.GetSymmSSSR(mol))


def num_independent_rings(molecule: Molecule | Chem.Mol) -> int:
    """Bonds beyond those of a tree: bonds - atoms + connected parts; counted without a look for rings."""
    if isinstance(molecule, Molecule):
        return int(np.count_nonzero(molecule.bond)) // 2 - len(molecule) + int(connected_components(molecule.bond)[0])
    return molecule.GetNumBonds() - molecule.GetNumAtoms() + len(Chem.GetMolFrags(molecule))
