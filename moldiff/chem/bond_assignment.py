"""Bonds and charges for a geometry whose SMILES is known: SMILES say what, distances say which atom is which."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int
from rdkit import Chem, rdBase
from scipy.optimize import linear_sum_assignment

from moldiff.chem.kekule import BOND_TYPES
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import convert, to_rdkit
from moldiff.chem.validity import canonical_smiles, check

_TABLE = Chem.GetPeriodicTable()
COVALENT_RADIUS = np.array([0.0] + [_TABLE.GetRcovalent(z) for z in range(1, 119)])  # Å, Cordero et al. 2008
_REACH = 1.3  # sums of covalent radii; the longest bond in QM9 that a SMILES demands and a geometry has is N-O at 1.29
_MAX_EMBEDDINGS = 256
_PAULING = 0.71  # Å; d(order) = d(1) - 0.71 log10(order), Pauling 1947, J. Am. Chem. Soc. 69, 542


def assign(
    elements: Int[np.ndarray, "n"],
    pos: Float[np.ndarray, "n 3"],
    smiles: str,
    *,
    name: str = "",
    properties: Mapping[str, float | int | str] | None = None,
) -> Molecule | Failure:
    """Molecule with the atoms of a geometry, in their order, and the bonds and charges of a SMILES.

    Each hydrogen belongs to the nearest heavy atom; the heavy skeleton of the SMILES, its atoms labelled by element and
    number of hydrogens, is sought as a subgraph of all pairs within reach. Of all embeddings the one wins whose bond
    lengths fit their Kekulé orders best, which also settles symmetric choices such as O=C-[O-].

    Args:
        elements: atomic numbers, hydrogens included.
        pos: coordinates, Å.
        smiles: published SMILES of the same molecule.
        name: title of the record.
        properties: values to carry along.

    Returns:
        The molecule, whose canonical SMILES without stereo is that of `smiles`; or a failure: `smiles_unreadable`,
        `formula_differs`, `geometry_differs` (no embedding), `smiles_differs`, or a reason of `moldiff.chem.validity`.
    """
    with rdBase.BlockLogs():
        template = Chem.MolFromSmiles(smiles)
    if template is None:
        return Failure("smiles_unreadable", f"{name}: RDKit cannot read {smiles!r}")
    wanted = canonical_smiles(template)
    Chem.Kekulize(template, clearAromaticFlags=True)
    atoms = list(template.GetAtoms())
    kinds = np.array([atom.GetAtomicNum() for atom in atoms])
    hydrogens = np.array([atom.GetTotalNumHs() for atom in atoms])
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondTypeAsDouble())) for b in template.GetBonds()]
    heavy, light = np.flatnonzero(elements > 1), np.flatnonzero(elements == 1)
    if len(light) != hydrogens.sum() or not np.array_equal(np.sort(elements[heavy]), np.sort(kinds)):
        return Failure("formula_differs", f"{name}: the atoms of the geometry are not those of {smiles!r}")
    table = np.array(bonds, dtype=np.int64).reshape(-1, 3)
    ends, orders = table[:, :2], table[:, 2]
    dist = np.linalg.norm(pos[:, None] - pos[None], axis=-1)
    to_heavy, to_light = dist[np.ix_(heavy, heavy)], dist[np.ix_(light, heavy)]
    fit = _embed(kinds, hydrogens, ends, orders, elements[heavy], to_heavy, to_light)
    if fit is None:
        return Failure("geometry_differs", f"{name}: some bond of {smiles!r} is longer than {_REACH} sums of radii")
    places, parents = fit
    bond = np.zeros(dist.shape, dtype=np.int64)
    left, right = heavy[places[ends]].T
    bond[left, right] = bond[right, left] = orders
    bond[light, heavy[parents]] = bond[heavy[parents], light] = 1
    charges = np.zeros(len(elements), dtype=np.int64)
    charges[heavy[places]] = [atom.GetFormalCharge() for atom in atoms]
    molecule = Molecule(elements, charges, pos, bond, name=name, properties=properties or {})
    mol = check(molecule)
    if isinstance(mol, Failure):
        return Failure(mol.reason, f"{name}: {mol.detail}")
    found = canonical_smiles(mol)
    return molecule if found == wanted else Failure("smiles_differs", f"{name}: got {found!r} instead of {wanted!r}")


def from_orders(
    elements: Int[np.ndarray, "n"],
    charges: Int[np.ndarray, "n"],
    pos: Float[np.ndarray, "n 3"],
    orders: Float[np.ndarray, "n n"],
    *,
    name: str = "",
    properties: Mapping[str, float | int | str] | None = None,
) -> Molecule | Failure:
    """Molecule with the Kekulé form of bonds that may be aromatic.

    Args:
        elements: atomic numbers.
        charges: formal charges.
        pos: coordinates, Å.
        orders: symmetric; 0 none, 1 to 3, and 1.5 for aromatic.
        name: title of the record.
        properties: values to carry along.

    Returns:
        The molecule, or a failure `bond_type`, or one of the reasons of `moldiff.chem.validity`. Atoms or coordinates
        that are no molecule's are a `MoleculeError`.
    """
    types = {**BOND_TYPES, 1.5: Chem.BondType.AROMATIC}
    strange = set(np.unique(orders)) - set(types) - {0}
    if strange:
        return Failure("bond_type", f"{name}: bond orders {sorted(map(float, strange))}; expected 1, 2, 3 or 1.5")
    bare = Molecule(elements, charges, pos, np.zeros(orders.shape, np.int64), name=name, properties=properties or {})
    mol = Chem.RWMol(to_rdkit(bare))
    for i, j in np.argwhere(np.triu(orders, 1)).tolist():
        bond = mol.GetBondWithIdx(mol.AddBond(i, j, types[orders[i, j]]) - 1)
        if orders[i, j] == 1.5:
            for part in (bond, bond.GetBeginAtom(), bond.GetEndAtom()):
                part.SetIsAromatic(True)
    return convert(mol)


def _embed(
    kinds: Int[np.ndarray, "n"],
    hydrogens: Int[np.ndarray, "n"],
    ends: Int[np.ndarray, "e 2"],
    orders: Int[np.ndarray, "e"],
    elements: Int[np.ndarray, "n"],
    dist: Float[np.ndarray, "n n"],
    to_light: Float[np.ndarray, "h n"],
) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "h"]] | None:
    """Best embedding: for each skeleton atom its heavy atom of the geometry, and for each hydrogen its heavy atom."""
    near = dist < _REACH * (COVALENT_RADIUS[elements][:, None] + COVALENT_RADIUS[elements])
    pairs = np.argwhere(np.triu(near, 1))
    nearest = (to_light / (COVALENT_RADIUS[elements] + COVALENT_RADIUS[1])).argmin(1)
    counts = np.bincount(nearest, minlength=len(elements))
    ideal = COVALENT_RADIUS[kinds[ends]].sum(1) - _PAULING * np.log10(orders)

    def misfit(places: Int[np.ndarray, "n"]) -> float:
        return float(((dist[places[ends[:, 0]], places[ends[:, 1]]] - ideal) ** 2).sum())

    counted = _matches(_graph(elements, pairs, counts), _graph(kinds, ends, hydrogens))
    if counted:
        return min(counted, key=misfit), nearest
    # A hydrogen between two atoms may stand nearer to the other one: place all hydrogens together, by distance.
    best, lowest = None, np.inf
    for places in _matches(_graph(elements, pairs), _graph(kinds, ends)):
        slots = np.repeat(places, hydrogens)
        rows, columns = linear_sum_assignment(to_light[:, slots])
        parents = slots[columns]
        length = to_light[rows, parents]
        score = misfit(places) + float((length**2).sum())
        if score < lowest and (length < _REACH * (COVALENT_RADIUS[elements[parents]] + COVALENT_RADIUS[1])).all():
            best, lowest = (places, parents), score
    return best


def _graph(
    elements: Int[np.ndarray, "n"], pairs: Int[np.ndarray, "e 2"], hydrogens: Int[np.ndarray, "n"] | None = None
) -> Chem.Mol:
    """A bare graph: nodes labelled by element, and by the number of hydrogens as isotope; edges all alike."""
    graph = Chem.RWMol()
    for i, element in enumerate(elements.tolist()):
        atom = Chem.Atom(element)
        if hydrogens is not None:
            atom.SetIsotope(int(hydrogens[i]) + 1)
        graph.AddAtom(atom)
    for i, j in pairs.tolist():
        graph.AddBond(i, j, Chem.BondType.SINGLE)
    return graph


def _matches(target: Chem.Mol, query: Chem.Mol) -> list[Int[np.ndarray, "n"]]:
    return [np.array(match) for match in target.GetSubstructMatches(query, uniquify=False, maxMatches=_MAX_EMBEDDINGS)]
