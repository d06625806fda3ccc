"""Which of many patterns can match a molecule at all, at a small part of the cost of a search for each of them."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from rdkit import Chem

from moldiff.chem.each import each_atom, each_bond

MOST_KEPT = 2**14  # kinds of bonds, and of molecules, whose answers are remembered
_CONDITION = re.compile(r"(\w+) (-?\d+) (!?=) val")
_RECURSIVE = {"RecursiveStructure val in ()": "$", "RecursiveStructure val not in )": "!$"}  # RDKit's own spelling
_Feature = tuple[int, int] | tuple[int, int, int]  # so many atoms of a query; or a bond: its atoms' queries and its own
_Leaf = Callable[[str], bool | None]


class AtomKind(NamedTuple):
    """What is compared of an atom; whatever else a pattern asks of it is taken to hold."""

    element: int
    aromatic: bool
    charge: int
    hydrogens: int
    neighbours: int
    degree: int
    smallest_ring: int

    def values(self) -> dict[str, int | None]:
        """Numbers by the names that RDKit gives to them in conditions."""
        return {
            "AtomAtomicNum": self.element,
            "AtomType": self.element + 1000 * self.aromatic,
            "AtomIsAromatic": int(self.aromatic),
            "AtomIsAliphatic": int(not self.aromatic),
            "AtomFormalCharge": self.charge,
            "AtomHCount": self.hydrogens,
            "AtomExplicitDegree": self.neighbours,
            "AtomTotalDegree": self.degree,
            "AtomMinRingSize": self.smallest_ring,
            "AtomInRing": int(self.smallest_ring > 0),
            "AtomInNRings": None if self.smallest_ring else 0,
        }


class BondKind(NamedTuple):
    """What is compared of a bond."""

    order: int
    in_ring: bool

    def values(self) -> dict[str, int | None]:
        """As of an atom."""
        simple = self.order in (int(Chem.BondType.SINGLE), int(Chem.BondType.AROMATIC))
        return {"BondOrder": self.order, "SingleOrAromaticBond": int(simple), "BondInRing": int(self.in_ring)}


class _Query(NamedTuple):
    """A condition on an atom or a bond, and those that it joins."""

    line: str
    below: "tuple[_Query, ...]"


class _Need(NamedTuple):
    """What a pattern needs: features, as bits; atoms; independent rings; and atoms with recursive conditions."""

    features: int = 0
    num_atoms: int = 0
    num_rings: int = 0
    recursive: tuple[_Query, ...] = ()


class SubstructureScreen:
    """Necessary conditions for many patterns at once, so that a search for the others alone gives the same answers.

    A match puts each atom of a pattern on an atom of its own that fulfils its query, and each bond on a bond. So the
    molecule has as many atoms and independent rings as the pattern, or more; for every bond of the pattern one that
    fulfils its query and those of its two atoms; and as many atoms that fulfil a query as the pattern has of it.
    A recursive condition `$(...)` that an atom cannot do without is a pattern that needs all this, too. What
    `AtomKind` and `BondKind` cannot say is taken to hold.

    Args:
        patterns: of SMARTS; None stands for one that is always searched for.
    """

    def __init__(self, patterns: Sequence[Chem.Mol | None]) -> None:
        self._atoms, self._bonds = dict[_Query, int](), dict[_Query, int]()
        self._features = dict[_Feature, int]()  # and the bit of each
        self._inner = dict[str, tuple[_Need, _Query]]()  # of each recursive pattern, with the query of its first atom
        self._needs = [_Need() if pattern is None else self._need(pattern)[0] for pattern in patterns]
        self._needed = [need.features for need in self._needs]
        joined = {feature: bit for feature, bit in self._features.items() if len(feature) == 3}
        counted = {feature: bit for feature, bit in self._features.items() if len(feature) == 2}
        self._joined, self._joined_bits = _columns(joined, 3), np.array([*joined.values()], dtype=np.int64)
        self._counted, self._counted_bits = _columns(counted, 2), np.array([*counted.values()], dtype=np.int64)
        self._atoms_fulfilled = lru_cache(MOST_KEPT)(self._find_atoms_fulfilled)
        self._bonds_fulfilled = lru_cache(MOST_KEPT)(self._find_bonds_fulfilled)
        self._bits_of_bond = lru_cache(MOST_KEPT)(self._find_bits_of_bond)
        self._possible = lru_cache(MOST_KEPT)(self._find_possible)

    def candidates(self, mol: Chem.Mol) -> list[int]:
        """Places of the patterns that may match a sanitised molecule, in order."""
        rings = mol.GetRingInfo()
        kinds = [
            AtomKind(
                atom.GetAtomicNum(),
                atom.GetIsAromatic(),
                atom.GetFormalCharge(),
                atom.GetTotalNumHs(includeNeighbors=True),
                atom.GetDegree(),
                atom.GetTotalDegree(),
                rings.MinAtomRingSize(index),
            )
            for index, atom in enumerate(each_atom(mol))
        ]
        counts = np.array([self._atoms_fulfilled(kind) for kind in kinds]).sum(axis=0)
        queries, least = self._counted
        features = self._bits(self._counted_bits[counts[queries] >= least])
        for bond in each_bond(mol):
            begin, end = kinds[bond.GetBeginAtomIdx()], kinds[bond.GetEndAtomIdx()]
            features |= self._bits_of_bond(begin, end, BondKind(int(bond.GetBondType()), bond.IsInRing()))
        return self._possible(features, len(kinds), _num_rings(mol))

    def _need(self, pattern: Chem.Mol) -> tuple[_Need, _Query]:
        """What a pattern needs, and the query of its first atom; both with what it holds are noted down."""
        queries = [_read_atom(atom.DescribeQuery(), atom.GetSmarts()) for atom in each_atom(pattern)]
        features = set(self._features_of(pattern, queries))
        recursive = tuple({query for query in queries if any(self._read_inner(query))})
        bits = [self._features.setdefault(feature, len(self._features)) for feature in features]
        return _Need(sum(1 << bit for bit in bits), len(queries), _num_rings(pattern), recursive), queries[0]

    def _features_of(self, pattern: Chem.Mol, queries: Sequence[_Query]) -> Iterator[_Feature]:
        numbers = [self._atoms.setdefault(query, len(self._atoms)) for query in queries]
        yield from Counter(numbers).items()
        for bond in each_bond(pattern):
            number = self._bonds.setdefault(_read(bond.DescribeQuery()), len(self._bonds))
            low, high = sorted((numbers[bond.GetBeginAtomIdx()], numbers[bond.GetEndAtomIdx()]))
            yield low, high, number

    def _read_inner(self, query: _Query) -> list[str]:
        """Recursive patterns of a query that must match, after a note of what they need."""
        line, below = query
        if line.startswith("$") and line not in self._inner:
            self._inner[line] = self._need(Chem.MolFromSmarts(line[2:-1]))
        return [line] if line.startswith("$") else [inner for part in below for inner in self._read_inner(part)]

    def _find_possible(self, features: int, num_atoms: int, num_rings: int) -> list[int]:
        known: dict[str, bool] = {}

        def possible(need: _Need) -> bool:
            return (
                not need.features & ~features
                and need.num_atoms <= num_atoms
                and need.num_rings <= num_rings
                and all(_holds(query, of_inner) is not False for query in need.recursive)
            )

        def of_inner(line: str) -> bool | None:
            if line.startswith("$") and line not in known:
                known[line] = possible(self._inner[line][0])
            return None if known.get(line, True) else False

        lacking = ~features
        left = [place for place, needed in enumerate(self._needed) if not needed & lacking]
        return [place for place in left if possible(self._needs[place])]

    def _find_atoms_fulfilled(self, kind: AtomKind) -> Bool[np.ndarray, "q"]:
        known: dict[str, bool | None] = {"AtomNull": True}
        values = kind.values()

        def of_atom(line: str) -> bool | None:
            if line not in known:
                first = self._inner[line][1] if line.startswith("$") else None
                known[line] = _compare(line, values) if first is None else _unless_false(_holds(first, of_atom))
            return known[line]

        return np.array([_holds(query, of_atom) is not False for query in self._atoms], dtype=bool)

    def _find_bits_of_bond(self, begin: AtomKind, end: AtomKind, kind: BondKind) -> int:
        one, two = self._atoms_fulfilled(begin), self._atoms_fulfilled(end)
        bond = self._bonds_fulfilled(kind)
        first, second, between = self._joined
        fulfilled = bond[between] & ((one[first] & two[second]) | (two[first] & one[second]))
        return self._bits(self._joined_bits[fulfilled])

    def _find_bonds_fulfilled(self, kind: BondKind) -> Bool[np.ndarray, "q"]:
        values = kind.values()

        def of_bond(line: str) -> bool | None:
            return line == "BondNull" or _compare(line, values)

        return np.array([_holds(query, of_bond) is not False for query in self._bonds], dtype=bool)

    def _bits(self, places: np.ndarray) -> int:
        bits = np.zeros(len(self._features), dtype=bool)
        bits[places] = True
        return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def _columns(features: Collection[_Feature], width: int) -> Int[np.ndarray, "width f"]:
    return np.array([*features], dtype=np.int64).reshape(-1, width).T


def _unless_false(holds: bool | None) -> bool | None:
    """What is known of a pattern whose first atom fulfils its query, or not."""
    return False if holds is False else None


def _num_rings(mol: Chem.Mol) -> int:
    """Independent rings; those of a part are no more than those of the whole."""
    return mol.GetNumBonds() - mol.GetNumAtoms() + len(Chem.GetMolFrags(mol))


@lru_cache(MOST_KEPT)
def _read(text: str) -> _Query:
    """A query as RDKit describes it, a line for each condition and two spaces more for each level."""
    lines = text.rstrip("\n").split("\n")
    starts = [i for i, line in enumerate(lines) if i and len(line) - len(line.lstrip()) == 2]
    below = ["\n".join(line[2:] for line in lines[i:j]) for i, j in pairwise([*starts, len(lines)])]
    return _Query(lines[0], tuple(_read(part) for part in below))


@lru_cache(MOST_KEPT)
def _read_atom(description: str, smarts: str) -> _Query:
    """The query of an atom, its recursive conditions replaced by their SMARTS, which the description leaves out."""
    query, inner = _read(description), list(_recursive_patterns(smarts))
    signs = [_RECURSIVE[line] for line in _lines(query) if line in _RECURSIVE]
    if signs != [text[: text.index("(")] for text in inner]:
        return query  # nothing is known of them
    left = iter(inner)

    def replace(query: _Query) -> _Query:
        line, below = query
        return _Query(next(left), ()) if line in _RECURSIVE else _Query(line, tuple(map(replace, below)))

    return replace(query)


def _lines(query: _Query) -> Iterator[str]:
    yield query[0]
    for part in query[1]:
        yield from _lines(part)


def _recursive_patterns(smarts: str) -> Iterator[str]:
    """Each `$(...)` of an atom's SMARTS, with a `!` before it, but not those within another."""
    start = smarts.find("$(")
    while start >= 0:
        end, depth = start + 2, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(smarts[end], 0)
            end += 1
        yield ("!" if smarts[start - 1] == "!" else "") + smarts[start:end]
        start = smarts.find("$(", end)


def _holds(query: _Query, leaf: _Leaf) -> bool | None:
    """Whether a query is fulfilled; None if that cannot be said."""
    line, below = query
    every = line in ("AtomAnd", "BondAnd")
    if not every and line not in ("AtomOr", "BondOr"):
        return leaf(line)
    found = [_holds(part, leaf) for part in below]
    if (not every) in found:
        return not every
    return None if None in found else every


def _compare(line: str, values: Mapping[str, int | None]) -> bool | None:
    """Whether a condition on one number holds; None where the number or the condition is not known."""
    match = _CONDITION.fullmatch(line.replace("AtomInNRings -1 ", "AtomInRing 1 "))  # RDKit's R, of any number
    value = None if match is None else values.get(match[1])
    if match is None or value is None:
        return None
    return (value == int(match[2])) == (match[3] == "=")
