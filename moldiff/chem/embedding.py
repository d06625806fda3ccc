"""Three dimensions for a SMILES: ETKDG, then MMFF94 down to a minimum."""

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from moldiff.chem.border import convert
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.smiles import sanitised
from moldiff.chem.strain import relax
from moldiff.chem.validity import check, sanitise

MOST_ATTEMPTS = 50  # of ETKDG, each with other random coordinates


def embedded(smiles: str, *, seed: int, name: str = "") -> Molecule | Failure:
    """One conformer of a molecule with all its hydrogens, at a minimum of MMFF94.

    Args:
        smiles: of the molecule; a centre without a stereo mark gets either hand.
        seed: of the conformer.
        name: title.

    Returns:
        The molecule, strictly valid, its energy as property `mmff94_energy`, kcal/mol; or a failure of the reasons of
        `moldiff.chem.smiles`, `moldiff.chem.strain` and `moldiff.chem.validity`, or `embedding`.

    Source: Riniker and Landrum 2015, J. Chem. Inf. Model. 55, 2562 (ETKDG); its version 3, Wang et al. 2020, ibid. 60,
    2044.
    """
    mol = sanitised(smiles)
    if isinstance(mol, Failure):
        return mol
    pieces = len(Chem.GetMolFrags(mol))
    if pieces != 1:
        return Failure("fragments", f"{smiles[:80]!r}: {pieces} fragments; give each molecule a line of its own")
    with rdBase.BlockLogs():
        return placed(Chem.AddHs(mol), seed=seed, name=name, label=repr(smiles[:80]))


def placed(mol: Chem.Mol, *, seed: int, name: str = "", label: str = "molecule") -> Molecule | Failure:
    """As `embedded`, of a molecule whose hydrogens are all atoms; they keep their order.

    Args:
        mol: in one piece.
        seed: of the conformer.
        name: title.
        label: what failures call it.

    Returns:
        The molecule, or a failure.
    """
    mol = Chem.Mol(mol)
    failure = sanitise(mol)
    if failure is not None:
        return Failure(failure.reason, f"{label}: {failure.detail}")
    with rdBase.BlockLogs():
        how = rdDistGeom.ETKDGv3()
        how.randomSeed, how.maxIterations = seed, MOST_ATTEMPTS
        if rdDistGeom.EmbedMolecule(mol, how) != 0:
            return Failure("embedding", f"{label}: ETKDG found no coordinates in {MOST_ATTEMPTS} attempts")
        energies = relax(mol)
    if isinstance(energies, Failure):
        return Failure(energies.reason, f"{label}: {energies.detail}")
    mol.SetDoubleProp("mmff94_energy", energies[1])
    molecule = convert(mol, name=name)
    if isinstance(molecule, Failure):
        return molecule
    verdict = check(molecule)
    return verdict if isinstance(verdict, Failure) else molecule
