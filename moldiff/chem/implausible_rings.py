"""Rings that valences allow and chemistry does not, by name."""

from collections.abc import Iterator
from itertools import combinations

from rdkit import Chem

SMALLEST_ALKYNE = 8  # atoms of the ring; cyclooctyne is the smallest that is kept at room temperature
SMALLEST_ALLENE = 9  # atoms of the ring; Johnson 1989, Chem. Rev. 89, 1111
LONGEST_STRAINED_BRIDGE = 5  # atoms over an arene; [6]metacyclophane and [6]paracyclophane are stable, [5] are not
LARGEST_BREDT = 7  # atoms of a bicycle without its two bridgeheads; Fawcett 1950, Chem. Rev. 47, 219
_NAMES = {5: "pentalene", 7: "heptalene"}  # of two fused rings of this size
_LARGE = {7: "all-sp2 ring of seven", 8: "all-sp2 ring of eight"}
_LONE_PAIR = {7, 8, 16, 34}  # N, O, S, Se
_DOUBLE, _TRIPLE = Chem.BondType.DOUBLE, Chem.BondType.TRIPLE


def implausible_rings(mol: Chem.Mol) -> list[str]:
    """Names of what is wrong with the rings of a molecule.

    | name | ring |
    |---|---|
    | `anti-aromatic three-membered ring` | a double bond, and a third atom with a lone pair: oxirene, 1H-azirine |
    | `arene fused to a three-membered ring` | cyclopropabenzene |
    | `cyclobutadiene` | of four, each with a double bond in rings; at most one arene is fused to it |
    | `anti-aromatic four-membered ring` | C=C or C=N, an exocyclic double bond, a lone pair: azet-2(1H)-one |
    | `cyclopentadienone` | of five, C=O or C=N and two double bonds, no arene fused to it; dimerises at once |
    | `pentalene`, `heptalene` | two fused rings of five or of seven, each atom with a double bond in rings |
    | `all-sp2 ring of seven`, `of eight` | no sp3 atom but with a lone pair; not aromatic, at most one arene fused |
    | `bridged aromatic` | a bridge of five atoms or fewer between two atoms of an arene that are no neighbours |
    | `triple bond in a small ring` | of seven atoms or fewer |
    | `cumulated double bonds in a small ring` | of eight atoms or fewer |
    | `bridgehead double bond` | against Bredt's rule, with seven atoms or fewer beside the bridgeheads |

    Biphenylene, tropone, azulene, squaric acid and carbamazepine are not named: they are stable.

    Args:
        mol: sanitised.

    Returns:
        Names, each once, sorted.
    """
    rings = [_Ring(mol, atoms) for atoms in mol.GetRingInfo().AtomRings()]
    names = {name for ring in rings for name in _faults_of_one(ring, _fused_arenes(ring, rings))}
    for one, two in combinations(rings, 2):
        shared = len(one.atoms & two.atoms)
        if shared == 2:
            names.update(_faults_of_fused(one, two, _fused_arenes(one, rings) + _fused_arenes(two, rings)))
        elif shared > 2:
            names.update(_faults_of_bridged(one, two))
    return sorted(names)


class _Ring:
    """A ring of a molecule, and what its double bonds are."""

    def __init__(self, mol: Chem.Mol, order: tuple[int, ...]) -> None:
        self.mol, self.atoms = mol, frozenset(order)
        self.bonds = [mol.GetBondBetweenAtoms(order[i - 1], order[i]) for i in range(len(order))]
        self.types = [bond.GetBondType() for bond in self.bonds]
        members = [mol.GetAtomWithIdx(atom) for atom in order]
        self.aromatic = all(atom.GetIsAromatic() for atom in members) and self._arene_bonds() >= len(order) - 1
        self.saturated = [atom for atom in members if not _has_double_bond(atom)]
        self.exocyclic = [  # elements that double bonds outside all rings join to it
            bond.GetOtherAtom(atom).GetAtomicNum()
            for atom in members
            for bond in atom.GetBonds()
            if bond.GetBondType() == _DOUBLE and not bond.IsInRing()
        ]

    def _arene_bonds(self) -> int:
        """Aromatic bonds; RDKit writes the one that azulene's rings share as a single bond."""
        return sum(bond.GetIsAromatic() for bond in self.bonds)


def _has_double_bond(atom: Chem.Atom) -> bool:
    """Whether it has one in a Kekulé form; not so an atom of an arene that gives a lone pair, as in pyrrole."""
    if atom.GetIsAromatic():
        element, pyridine_like = atom.GetAtomicNum(), atom.GetTotalDegree() == 2 or atom.GetFormalCharge() > 0
        return element == 6 or (element in _LONE_PAIR and pyridine_like and element != 8 and element != 16)
    return any(bond.GetBondType() == _DOUBLE for bond in atom.GetBonds())


def _fused_arenes(ring: _Ring, rings: list[_Ring]) -> int:
    return sum(other.aromatic and other is not ring and len(ring.atoms & other.atoms) == 2 for other in rings)


def _faults_of_one(ring: _Ring, arenes: int) -> Iterator[str]:
    size, conjugated = len(ring.atoms), not ring.saturated
    if size == 3 and arenes:
        yield "arene fused to a three-membered ring"
    if size == 3 and _DOUBLE in ring.types and _only_lone_pairs(ring):
        yield "anti-aromatic three-membered ring"
    if size == 4 and conjugated and not ring.exocyclic and arenes < 2:
        yield "cyclobutadiene"
    if size == 4 and _DOUBLE in ring.types and len(ring.exocyclic) == 1 and _only_lone_pairs(ring):
        yield "anti-aromatic four-membered ring"
    if size == 5 and conjugated and not arenes and ring.types.count(_DOUBLE) == 2 and {*ring.exocyclic} & _LONE_PAIR:
        yield "cyclopentadienone"
    if size in _LARGE and (conjugated or _only_lone_pairs(ring)) and not ring.aromatic and arenes < 2:
        yield _LARGE[size]
    if size < SMALLEST_ALKYNE and _TRIPLE in ring.types:
        yield "triple bond in a small ring"
    if size < SMALLEST_ALLENE and any(
        ring.types[i - 1] == ring.types[i] == _DOUBLE and _between(ring.bonds[i - 1], ring.bonds[i]).GetAtomicNum() < 8
        for i in range(size)
    ):
        yield "cumulated double bonds in a small ring"


def _only_lone_pairs(ring: _Ring) -> bool:
    """Whether its atoms without a double bond, one at least, have lone pairs to conjugate with the others."""
    return bool(ring.saturated) and all(
        atom.GetAtomicNum() in _LONE_PAIR and atom.GetFormalCharge() <= 0 for atom in ring.saturated
    )


def _between(one: Chem.Bond, two: Chem.Bond) -> Chem.Atom:
    """The atom that two bonds share."""
    begin = one.GetBeginAtom()
    return begin if begin.GetIdx() in (two.GetBeginAtomIdx(), two.GetEndAtomIdx()) else one.GetEndAtom()


def _faults_of_fused(one: _Ring, two: _Ring, arenes: int) -> Iterator[str]:
    size = len(one.atoms)
    interrupted = any(ring.aromatic or ring.saturated or ring.exocyclic for ring in (one, two))
    if size == len(two.atoms) and size in _NAMES and arenes < 2 and not interrupted:
        yield _NAMES[size]


def _faults_of_bridged(one: _Ring, two: _Ring) -> Iterator[str]:
    """Of two rings that share three atoms or more."""
    if one.aromatic or two.aromatic:
        bridges = [len(other.atoms - arene.atoms) for arene, other in ((one, two), (two, one)) if arene.aromatic]
        if min(bridges) <= LONGEST_STRAINED_BRIDGE:
            yield "bridged aromatic"
        return
    both = one.atoms | two.atoms
    if len(both) - 2 > LARGEST_BREDT:
        return
    for bond in {bond.GetIdx(): bond for bond in (*one.bonds, *two.bonds)}.values():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        if bond.GetBondType() == _DOUBLE and any(_neighbours_within(atom, both) > 2 for atom in ends):
            yield "bridgehead double bond"
            return


def _neighbours_within(atom: Chem.Atom, atoms: frozenset[int]) -> int:
    return sum(other.GetIdx() in atoms for other in atom.GetNeighbors())
