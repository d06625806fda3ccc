"""Numbers of a molecular formula that RDKit computes, and how alike molecules are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

import numpy as np
from jaxtyping import Float
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, rdFingerprintGenerator, rdMolDescriptors

MOST_COMPARED = 2000  # molecules; their pairs are two million


def _synthetic_accessibility(mol: Chem.Mol) -> float:
    """1 easy to 10 hard; Ertl and Schuffenhauer 2009, J. Cheminform. 1, 8."""
    return _accessibility()(mol)


@cache
def _accessibility() -> Callable[[Chem.Mol], float]:
    from rdkit.Contrib.SA_Score import sascorer  # pyright: ignore[reportMissingImports] - reads a table at first use

    return sascorer.calculateScore


# logP: Wildman and Crippen 1999; QED: Bickerton et al. 2012, Nature Chemistry 4, 90.
DESCRIPTORS: dict[str, Callable[..., float]] = {
    "weight": Descriptors.MolWt,  # g/mol
    "logp": Crippen.MolLogP,
    "qed": QED.qed,
    "sa": _synthetic_accessibility,
    "tpsa": rdMolDescriptors.CalcTPSA,  # Å²
    "donors": rdMolDescriptors.CalcNumHBD,
    "acceptors": rdMolDescriptors.CalcNumHBA,
    "rotatable": rdMolDescriptors.CalcNumRotatableBonds,
    "rings": rdMolDescriptors.CalcNumRings,
    "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
    "heteroatoms": rdMolDescriptors.CalcNumHeteroatoms,
    "fsp3": rdMolDescriptors.CalcFractionCSP3,
    "bridgeheads": rdMolDescriptors.CalcNumBridgeheadAtoms,
    "spiro": rdMolDescriptors.CalcNumSpiroAtoms,
}


def descriptors(smiles: Sequence[str]) -> Float[np.ndarray, "m d"]:
    """A row of all `DESCRIPTORS` for each molecule.

    Args:
        smiles: as `moldiff.chem.validity.canonical_smiles` gives them; one that RDKit does not read is left out.

    Returns:
        The numbers, in the order of the dictionary.
    """
    rows = [[float(compute(mol)) for compute in DESCRIPTORS.values()] for mol in _read(smiles)]
    return np.array(rows, dtype=np.float64).reshape(-1, len(DESCRIPTORS))


def descriptor(name: str, smiles: Sequence[str]) -> Float[np.ndarray, "m"]:
    """One of `DESCRIPTORS` for each molecule, NaN for one that RDKit does not read."""
    compute = DESCRIPTORS[name]
    with rdBase.BlockLogs():
        mols = [Chem.MolFromSmiles(text) for text in smiles]
    return np.array([np.nan if mol is None else float(compute(mol)) for mol in mols], dtype=np.float64)


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
