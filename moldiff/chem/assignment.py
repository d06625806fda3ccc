"""Bonds and charges for a geometry whose SMILES is known: the SMILES says what, the distances say which atom is which."""

import numpy as np
from jaxtyping import Float, Int
from rdkit import Chem, rdBase
from scipy.optimize import linear_sum_assignment

from moldiff.chem.molecule import Failure, Molecule

_TABLE = Chem.GetPeriodicTable()
_RADIUS = np.array([0.0] + [_TABLE.GetRcovalent(z) for z in range(1, 119)])  # Å, Cordero et al. 2008
_REACH = (1.3, 1.6)  # a bond is at most this many sums of covalent radii long; the second for strained cages
_MAX_MATCHES = 256
_PAULING = 0.71  # Å; d(order) = d(1) - 0.71 log10(order), Pauling 1947, J. Am. Chem. Soc. 69, 542
REASONS = ("smiles_unreadable", "formula_differs", "geometry_differs", "smiles_disagrees")


def assign(
    elements: Int[np.ndarray, "n"],
    pos: Float[np.ndarray, "n 3"],
    smiles: str,
    *,
    name: str = "",
    properties: dict[str, float] | None = None,
) -> Molecule | Failure:
    """Molecule with the atoms of a geometry, in their order, and the bonds and charges of a SMILES.

    Each hydrogen belongs to a near heavy atom; the heavy skeleton of the SMILES, atoms labelled by element and number
    of hydrogens, is sought as a subgraph of all pairs within reach. Of all embeddings the one wins whose bond lengths
    fit their Kekulé orders best, which also settles symmetric choices such as O=C-[O-].

    Args:
        elements: atomic numbers, hydrogens included.
        pos: coordinates, Å.
        smiles: published SMILES of the same molecule.
        name: title of the record.
        properties: values to carry along.

    Returns:
        The molecule, or a failure whose reason is one of `REASONS`.
    """
    with rdBase.BlockLogs():
        template = Chem.MolFromSmiles(smiles)
    if template is None:
        return Failure("smiles_unreadable", f"RDKit cannot read {smiles!r}")
    wanted = Chem.MolToSmiles(template, isomericSmiles=False)
    Chem.Kekulize(template, clearAromaticFlags=True)
    atoms = list(template.GetAtoms())
    kinds = np.array([a.GetAtomicNum() for a in atoms])
    hydrogens = np.array([a.GetTotalNumHs() for a in atoms])
    heavy, light = np.flatnonzero(elements > 1), np.flatnonzero(elements == 1)
    if len(light) != hydrogens.sum() or (np.sort(elements[heavy]) != np.sort(kinds)).any():
        return Failure("formula_differs", f"atoms of the geometry are not those of {smiles!r}")
    edges = np.array(
        [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondTypeAsDouble())) for b in template.GetBonds()], dtype=int
    ).reshape(-1, 3)
    dist = np.linalg.norm(pos[:, None] - pos[None], axis=-1)
    order = _embed(kinds, hydrogens, edges, elements[heavy], dist[np.ix_(heavy, heavy)], dist[np.ix_(light, heavy)])
    if order is None:
        return Failure("geometry_differs", f"no embedding of {smiles!r} has all bonds within reach")
    order, parents = order
    bond = np.zeros(dist.shape, dtype=np.int64)
    left, right = heavy[order[edges[:, 0]]], heavy[order[edges[:, 1]]]
    bond[left, right] = bond[right, left] = edges[:, 2]
    bond[light, heavy[parents]] = bond[heavy[parents], light] = 1
    charges = np.zeros(len(elements), dtype=np.int64)
    charges[heavy[order]] = [a.GetFormalCharge() for a in atoms]
    found = _smiles(elements, charges, bond)
    if found != wanted:
        return Failure("smiles_disagrees", f"got {found!r} instead of {wanted!r}")
    return Molecule(elements, charges, pos, bond, name=name, properties=properties or {})


def _embed(
    kinds: np.ndarray,
    hydrogens: np.ndarray,
    edges: np.ndarray,
    elements: np.ndarray,
    dist: np.ndarray,
    to_light: np.ndarray,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Best embedding: for each skeleton atom its heavy atom, and for each hydrogen its heavy atom."""
    ratio = dist / (_RADIUS[elements][:, None] + _RADIUS[elements])
    light_ratio = to_light / (_RADIUS[elements] + _RADIUS[1])
    nearest = light_ratio.argmin(1)
    counts = np.bincount(nearest, minlength=len(elements))
    ideal = _RADIUS[kinds[edges[:, 0]]] + _RADIUS[kinds[edges[:, 1]]] - _PAULING * np.log10(edges[:, 2])
    for reach in _REACH:
        for counted in (True, False):  # the second where a hydrogen is shared and stands nearer to the other atom
            query = _graph(kinds, hydrogens if counted else None, edges[:, :2])
            target = _graph(elements, counts if counted else None, np.argwhere(np.triu(ratio < reach, 1)))
            matches = target.GetSubstructMatches(query, uniquify=False, maxMatches=_MAX_MATCHES)
            best: tuple[float, np.ndarray, np.ndarray] | None = None
            for order in map(np.array, matches):
                score = float(((dist[order[edges[:, 0]], order[edges[:, 1]]] - ideal) ** 2).sum())
                parents = nearest
                if not counted:
                    slots = np.repeat(order, hydrogens)
                    rows, columns = linear_sum_assignment(light_ratio[:, slots])
                    parents = slots[columns]
                    if len(rows) and light_ratio[rows, parents].max() > reach:
                        continue
                    score += float(to_light[rows, parents].sum())
                if best is None or score < best[0]:
                    best = score, order, parents
            if best is not None:
                return best[1], best[2]
    return None


def _graph(elements: np.ndarray, hydrogens: np.ndarray | None, edges: np.ndarray) -> Chem.Mol:
    """A bare graph: nodes labelled by element, and by the number of hydrogens in the isotope field; edges all alike."""
    graph = Chem.RWMol()
    for i, element in enumerate(elements):
        atom = Chem.Atom(int(element))
        if hydrogens is not None:
            atom.SetIsotope(int(hydrogens[i]) + 1)
        graph.AddAtom(atom)
    for i, j in edges:
        graph.AddBond(int(i), int(j), Chem.BondType.SINGLE)
    return graph


_ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}


def _smiles(elements: np.ndarray, charges: np.ndarray, bond: np.ndarray) -> str:
    """Canonical SMILES of bare numbers, no hydrogens added; empty where RDKit refuses them."""
    mol = Chem.RWMol()
    for element, charge in zip(elements.tolist(), charges.tolist(), strict=True):
        atom = Chem.Atom(element)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        mol.AddAtom(atom)
    for i, j in np.argwhere(np.triu(bond)).tolist():
        mol.AddBond(i, j, _ORDERS[int(bond[i, j])])
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException:
            return ""
        return Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False)
