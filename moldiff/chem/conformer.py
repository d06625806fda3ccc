"""Three dimensions for a SMILES: ETKDG, then MMFF94 down to a minimum."""

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from moldiff.chem.force_field import relax
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import convert
from moldiff.chem.smiles_parsing import mol_of_smiles
from moldiff.chem.validity import check

MOST_ATTEMPTS = 50  # of ETKDG, each from other random coordinates


def embed_smiles(smiles: str, *, seed: int, name: str = "") -> Molecule | Failure:
    """One conformer of a molecule with all its hydrogens, at a minimum of MMFF94.

    Args:
        smiles: of the molecule; a centre without a stereo mark gets either configuration.
        seed: of the conformer.
        name: title.

    Returns:
        The molecule, strictly valid, its energy as property `mmff94_energy`, kcal/mol; or a failure of the reasons of
        `moldiff.io.smiles`, `moldiff.metrics.strain` and `moldiff.chem.validity`, or `embedding`.

    Source: Riniker and Landrum 2015, J. Chem. Inf. Model. 55, 2562 (ETKDG); its version 3, Wang et al. 2020, ibid. 60,
    2044.
    """
    mol = mol_of_smiles(smiles)
    return mol if isinstance(mol, Failure) else embed_mol(mol, f"{smiles[:80]!r}", seed=seed, name=name)


def embed_mol(mol: Chem.Mol, label: str, *, seed: int, name: str = "") -> Molecule | Failure:
    """As `embed_smiles`, of a sanitised molecule, whose atoms keep their order, with a label for messages."""
    pieces = len(Chem.GetMolFrags(mol))
    if pieces != 1:
        return Failure("fragments", f"{label}: {pieces} fragments; give each molecule a line of its own")
    with rdBase.BlockLogs():
        mol = Chem.AddHs(mol)
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
