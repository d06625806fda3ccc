"""Heavy atoms with latent hydrogens: half of the points of a molecule, and nothing of it is lost.

A hydrogen is folded into the atom that it is bonded to: the atom's class says how many there are, and its latent is the
vector to one of them. Where the others are follows from the frame (`moldiff.network.hydrogen_decoder`). Hydrogens that
cannot be folded (`moldiff.chem.folding`) stay atoms: nothing has to be refused.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Int, Integer

from moldiff.chem.aromaticity import find_aromatic, mark_aromatic
from moldiff.chem.folding import KEPT, fold, fold_molecule
from moldiff.chem.molecule import AROMATIC, Molecule
from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.model import ModelConfig
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.state import BOND_CLASSES, LATENT_WIDTH, MOST_FOLDED, State


def represent(store: MoleculeStore, config: ModelConfig) -> "MoleculeStore | FoldedStore":
    """The store as a model with these settings reads it."""
    return store if config.representation == "explicit" else FoldedStore(store, aromatic=config.aromatic)


class FoldedStore:
    """The molecules of a store as heavy atoms with latent hydrogens.

    It has `vocabulary`, `sizes` and `statistics` as a `MoleculeStore` does, those of what is left of the molecules.

    Args:
        store: prepared molecules, which are read once.
        aromatic: aromatic bonds are a class of their own.
    """

    def __init__(self, store: MoleculeStore, *, aromatic: bool = False) -> None:
        self.store, self.aromatic = store, aromatic
        ends, order, _ = store.bonds()
        atom = store.atom_classes().astype(np.int64)
        parent, slot = fold(
            store.vocabulary.elements[atom], store.vocabulary.charges[atom], ends, order, most=MOST_FOLDED
        )
        kept = slot == KEPT
        self._kept, self._parent, self._slot = kept, parent.astype(np.int32), slot
        self.sizes = np.add.reduceat(kept.astype(np.int64), store.starts)
        before = np.cumsum(self.sizes) - self.sizes
        self._number = (np.cumsum(kept) - 1 - np.repeat(before, store.sizes)).astype(np.int16)  # within the molecule
        hydrogens = np.bincount(parent[~kept], minlength=len(atom))
        elements, charges = store.vocabulary.decode(atom[kept])
        found, classes = np.unique(np.stack([elements, charges, hydrogens[kept]]), axis=1, return_inverse=True)
        self.vocabulary = Vocabulary.from_triples(map(tuple, found.T.tolist()))
        places = self.vocabulary.encode(found[0], found[1], found[2])
        self._atom = np.zeros(len(atom), dtype=np.uint16)
        self._atom[kept] = places[classes.reshape(-1)]
        self._bonded = kept[ends].all(0)  # bonds between atoms that are kept
        self._order = self._mark_aromatic() if aromatic else order

    @property
    def explicit(self) -> MoleculeStore:
        """The store with all hydrogens explicit."""
        return self.store

    def split(self, name: str) -> Int[np.ndarray, "m"]:
        """Numbers of the molecules in "train", "valid" or "test", ascending."""
        return self.store.split(name)

    @cached_property
    def statistics(self) -> Statistics:
        """Of the train split."""
        return self.statistics_of(self.store.split("train"))

    def statistics_of(self, indices: Int[np.ndarray, "k"]) -> Statistics:
        """Counted on these molecules only; what they are read into takes memory."""
        chosen = np.zeros(len(self.sizes), dtype=bool)
        chosen[indices] = True
        owner = self.store.bonds()[2]
        atoms = np.repeat(chosen, self.store.sizes)
        return Statistics.count(
            self.store.positions()[atoms & self._kept],
            self._atom[atoms & self._kept].astype(np.int64),
            self.sizes[chosen],
            self._order[self._bonded & chosen[owner]].astype(np.int64),
            vocabulary=self.vocabulary.labels,
            latent_scale=self._latent_scale(atoms),
            bond_classes=BOND_CLASSES + self.aromatic,
        )

    def _latent_scale(self, atoms: Bool[np.ndarray, "a"]) -> float:
        """Root mean square of a component of the latents of these atoms, Å."""
        first = np.flatnonzero(atoms & (self._slot == 0))
        pos = self.store.positions()
        square = ((pos[first] - pos[self._parent[first]]).astype(np.float64) ** 2).sum()
        return float(np.sqrt(square / (LATENT_WIDTH * max(1, (atoms & self._kept).sum()))))

    def state(self, indices: Sequence[int] | Int[np.ndarray, "b"]) -> State:
        """Dense batch of these molecules, each centred, with all their hydrogens; the latent is the first of them."""
        store, indices = self.store, np.asarray(indices, dtype=np.int64)
        sizes, counts = self.sizes[indices], store.sizes[indices]
        b, n = len(indices), int(sizes.max())
        rows = np.repeat(np.arange(b), counts)
        flat = np.repeat(store.starts[indices] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        mask = np.arange(n) < sizes[:, None]
        kept = self._kept[flat]
        positions = store.positions()[flat].astype(np.float32)
        pos = np.zeros((b, n, 3), dtype=np.float32)
        pos[mask] = positions[kept]
        pos = (pos - pos.sum(1, keepdims=True) / sizes[:, None, None].astype(np.float32)) * mask[..., None]
        atom = np.zeros((b, n), dtype=np.int64)
        atom[mask] = self._atom[flat[kept]]
        parents = self._parent[flat[~kept]]
        hydrogens = np.zeros((b, n, MOST_FOLDED, 3), dtype=np.float32)
        offsets = positions[~kept] - store.positions()[parents]
        hydrogens[rows[~kept], self._number[parents], self._slot[flat[~kept]]] = offsets
        bond = np.zeros((b, n, n), dtype=np.int64)
        row, left, right, order = self._bonds(indices)
        bond[row, left, right] = bond[row, right, left] = order
        pos, atom, bond, mask, hydrogens = map(torch.from_numpy, (pos, atom, bond, mask, hydrogens))
        folded = torch.from_numpy(counts - sizes)
        return State(pos, atom, bond, mask, latent=hydrogens[:, :, 0], hydrogens=hydrogens, num_hydrogens=folded)

    def _mark_aromatic(self) -> Integer[np.ndarray, "e"]:
        """Orders of all bonds between atoms that are kept, the aromatic ones as a class of their own."""
        store, vocabulary = self.store, self.vocabulary
        (left, right), order, owner = store.bonds()
        atom, order = self._atom.astype(np.int64), np.array(order)
        (elements, charges), hydrogens = vocabulary.decode(atom), vocabulary.hydrogens[atom]
        bonds = np.searchsorted(owner, np.arange(len(self.sizes) + 1))
        for start, size, first, last in zip(store.starts, store.sizes, bonds[:-1], bonds[1:], strict=True):
            edges = first + np.flatnonzero(self._bonded[first:last])
            atoms = np.flatnonzero(self._kept[start : start + size]) + start
            ends = self._number[np.stack([left[edges], right[edges]])]
            found = find_aromatic(elements[atoms], charges[atoms], ends, order[edges], hydrogens[atoms])
            order[edges[found]] = AROMATIC
        return order

    def _bonds(self, indices: Int[np.ndarray, "b"]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Row, both ends and order of the bonds between the atoms of these molecules that are kept."""
        (left, right), _, owner = self.store.bonds()
        first, last = np.searchsorted(owner, indices), np.searchsorted(owner, indices, side="right")
        counts = last - first
        edge = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        there = self._bonded[edge]
        edge, rows = edge[there], np.repeat(np.arange(len(indices)), counts)[there]
        return rows, self._number[left[edge]], self._number[right[edge]], self._order[edge]


def state_of(molecule: Molecule, vocabulary: Vocabulary, *, aromatic: bool = False) -> State:
    """A molecule as weights with this vocabulary read it, centred, in a batch of its own.

    Args:
        molecule: with all hydrogens.
        vocabulary: of the weights.
        aromatic: aromatic bonds are a class of their own.

    Returns:
        The batch; a `VocabularyError` on an atom that is in no class.
    """
    parent, slot, folded = fold_molecule(molecule, vocabulary)
    kept, hidden = slot == KEPT, np.flatnonzero(slot != KEPT)
    pos, offsets = molecule.pos[kept], np.zeros((len(molecule), MOST_FOLDED, 3))
    offsets[parent[hidden], slot[hidden]] = molecule.pos[hidden] - molecule.pos[parent[hidden]]
    classes = vocabulary.encode(molecule.elements[kept], molecule.charges[kept], folded[kept])
    hydrogens = torch.from_numpy(offsets[kept]).float()[None]
    bond = molecule.bond[np.ix_(kept, kept)]
    if aromatic:
        bond = mark_aromatic(molecule.elements[kept], molecule.charges[kept], bond, folded[kept])
    state = State(
        torch.from_numpy(pos - pos.mean(0)).float()[None],
        torch.from_numpy(classes)[None],
        torch.from_numpy(bond)[None],
        torch.ones(1, len(pos), dtype=torch.bool),
    )
    if not vocabulary.folded:
        return state
    return state.replace(latent=hydrogens[:, :, 0], hydrogens=hydrogens, num_hydrogens=torch.tensor([len(hidden)]))
