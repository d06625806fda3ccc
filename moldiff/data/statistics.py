"""What sampling must know of a data set: sizes, class frequencies and the spread of the coordinates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from moldiff.chem.molecule import AROMATIC, MAX_ATOMS, MAX_COORDINATE
from moldiff.chem.vocabulary import Vocabulary, atom_label
from moldiff.conditions.condition import Condition, checked
from moldiff.conditions.kinds import condition_from_dict, condition_to_dict
from moldiff.data.domain import Domain, Range
from moldiff.errors import DataError


@dataclass(frozen=True)
class Statistics:
    """Counted on the train split only; goes from the store into the weights bundle.

    Attributes:
        vocabulary: labels of the atom classes, in order.
        sizes: number of molecules of each number of atoms.
        atom_marginals: frequency of each atom class.
        bond_marginals: frequency of no, single, double and triple bond over pairs of different atoms, and of aromatic
            ones where they are a class of their own.
        pos_scale: root mean square of a coordinate about its molecule's centre, Å.
        num_molecules: how many were counted.
        score: the data's own row of scores, where it was computed.
        conditions: that a model was trained on, in the order of its labels; of a store none.
        num_heavy_atoms: least and greatest of a molecule; None in files written before it was counted.
        net_charge: least and greatest sum of formal charges, likewise.
        num_hydrogens: number of molecules of each size with each number of folded hydrogens; empty where none can be.
        latent_scale: root mean square of a component of the latents, Å; 0 where hydrogens are explicit.
    """

    vocabulary: tuple[str, ...]
    sizes: dict[int, int]
    atom_marginals: tuple[float, ...]
    bond_marginals: tuple[float, ...]
    pos_scale: float
    num_molecules: int
    score: dict[str, Any] | None = None
    conditions: tuple[Condition, ...] = ()
    num_heavy_atoms: Range | None = None
    net_charge: Range | None = None
    num_hydrogens: dict[int, dict[int, int]] = field(default_factory=dict)
    latent_scale: float = 0.0

    @property
    def domain(self) -> Domain:
        """What a model that is trained on these molecules knows."""
        sizes = self.whole_sizes
        labels = Vocabulary(self.vocabulary).unfolded.labels
        folded = self.vocabulary if self.num_hydrogens else ()
        return Domain(labels, (min(sizes), max(sizes)), self.num_heavy_atoms, self.net_charge, folded)

    @property
    def whole_sizes(self) -> dict[int, int]:
        """Number of molecules of each number of atoms, those that are folded into others too."""
        if not self.num_hydrogens:
            return self.sizes
        found: Counter[int] = Counter()
        for size, numbers in self.num_hydrogens.items():
            for hydrogens, count in numbers.items():
                found[size + hydrogens] += count
        return dict(sorted(found.items()))

    def share_within(self, domain: Domain) -> float:
        """Share of the molecules, by their sizes, or of their atoms, whichever is less, that another domain holds."""
        low, high = domain.num_atoms
        sizes = sum(count for size, count in self.whole_sizes.items() if low <= size <= high) / self.num_molecules
        classes, known = Vocabulary(self.vocabulary), set(domain.labels)
        labels = map(atom_label, classes.elements.tolist(), classes.charges.tolist())
        atoms = zip(labels, self.atom_marginals, strict=True)
        return min(sizes, sum(share for label, share in atoms if label in known))

    def __post_init__(self) -> None:
        """Refuses statistics that contradict themselves.

        Raises:
            DataError: if counts, lengths, sums or signs do not fit.
        """
        if len(self.atom_marginals) != len(self.vocabulary) or len(self.bond_marginals) not in (AROMATIC, AROMATIC + 1):
            raise DataError(
                f"statistics: {len(self.atom_marginals)} atom and {len(self.bond_marginals)} bond marginals for "
                f"{len(self.vocabulary)} atom classes and 4 or 5 bond classes"
            )
        for name, marginals in (("atom", self.atom_marginals), ("bond", self.bond_marginals)):
            if not (min(marginals) >= 0 and abs(sum(marginals) - 1) <= 1e-6):  # so that NaN is refused, too
                raise DataError(f"statistics: {name} marginals {marginals} are no frequencies with the sum 1")
        if not self.sizes or min(self.sizes) < 1 or max(self.sizes) > MAX_ATOMS or min(self.sizes.values()) < 1:
            raise DataError(
                f"statistics: sizes must map numbers of atoms, 1 to {MAX_ATOMS}, to counts of at least 1, got "
                f"{repr(self.sizes)[:80]}"
            )
        if sum(self.sizes.values()) != self.num_molecules:
            raise DataError(
                f"statistics: sizes sum to {sum(self.sizes.values())}, not to {self.num_molecules} molecules"
            )
        by_size = {size: sum(numbers.values()) for size, numbers in self.num_hydrogens.items()}
        numbers = [entry for of in self.num_hydrogens.values() for entry in of.items()]
        if by_size not in ({}, self.sizes) or any(number < 0 or count < 1 for number, count in numbers):
            raise DataError("statistics: num_hydrogens must count the molecules of each size once")
        if bool(self.num_hydrogens) != bool(self.latent_scale):
            raise DataError("statistics: num_hydrogens and latent_scale go together")
        if not 0 < self.pos_scale <= MAX_COORDINATE:
            raise DataError(f"statistics: pos_scale must be a positive length in Å, got {self.pos_scale}")
        if not 0 <= self.latent_scale <= MAX_COORDINATE:
            raise DataError(f"statistics: latent_scale must be a length in Å, got {self.latent_scale}")

    @classmethod
    def count(
        cls,
        pos: Float[np.ndarray, "a 3"],
        atom: Int[np.ndarray, "a"],
        sizes: Int[np.ndarray, "m"],
        orders: Int[np.ndarray, "e"],
        *,
        vocabulary: tuple[str, ...],
        latent_scale: float = 0.0,
        bond_classes: int = AROMATIC,
    ) -> "Statistics":
        """Statistics of molecules that lie one after the other.

        Args:
            pos: coordinates of all atoms, Å.
            atom: class of all atoms.
            sizes: number of atoms of each molecule.
            orders: order of every bond, each bond once.
            vocabulary: labels of the atom classes.
            latent_scale: see the attributes.
            bond_classes: number of bond classes, 5 where aromatic bonds are one.

        Returns:
            The statistics.

        Raises:
            DataError: if there is no molecule.
        """
        if len(sizes) == 0:
            raise DataError("statistics: the train split has no molecule; give more records or another split")
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        centres = np.add.reduceat(pos.astype(np.float64), starts, axis=0) / sizes[:, None]
        scale = float(np.sqrt(np.mean((pos - np.repeat(centres, sizes, axis=0)) ** 2)))
        values, counts = np.unique(sizes, return_counts=True)
        pairs = max(int((sizes.astype(np.int64) * (sizes.astype(np.int64) - 1)).sum()) // 2, 1)
        bonds = np.bincount(orders, minlength=bond_classes).astype(float)
        bonds[0] = pairs - bonds[1:].sum()
        classes = Vocabulary(tuple(vocabulary))
        folded = np.add.reduceat(classes.hydrogens[atom], starts)
        heavy, charge = (np.add.reduceat(of[atom], starts) for of in (1 * (classes.elements != 1), classes.charges))
        return cls(
            vocabulary=tuple(vocabulary),
            sizes=dict(zip(values.tolist(), counts.tolist(), strict=True)),
            atom_marginals=tuple((np.bincount(atom, minlength=len(vocabulary)) / len(atom)).tolist()),
            bond_marginals=tuple((bonds / pairs).tolist()),
            pos_scale=scale,
            num_molecules=len(sizes),
            num_heavy_atoms=(int(heavy.min()), int(heavy.max())),
            net_charge=(int(charge.min()), int(charge.max())),
            num_hydrogens=_count_pairs(sizes, folded) if latent_scale else {},
            latent_scale=latent_scale,
        )

    @classmethod
    def count_part(
        cls,
        chosen: Bool[np.ndarray, "m"],
        pos: Float[np.ndarray, "a 3"],
        atom: Integer[np.ndarray, "a"],
        sizes: Integer[np.ndarray, "m"],
        orders: Integer[np.ndarray, "e"],
        num_bonds: Integer[np.ndarray, "m"],
        *,
        vocabulary: tuple[str, ...],
    ) -> "Statistics":
        """Statistics of some of the molecules that lie one after the other; all else as in `count`.

        Args:
            chosen: whether a molecule counts.
            pos: coordinates of all atoms, Å.
            atom: class of all atoms.
            sizes: number of atoms of each molecule.
            orders: order of every bond, each bond once.
            num_bonds: of each molecule.
            vocabulary: labels of the atom classes.

        Returns:
            The statistics.
        """
        atoms, bonds = np.repeat(chosen, sizes), np.repeat(chosen, num_bonds)
        atom, orders = (array.astype(np.int64) for array in (atom[atoms], orders[bonds]))
        return cls.count(pos[atoms], atom, sizes[chosen], orders, vocabulary=vocabulary)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        plain["sizes"] = _with_text_keys(self.sizes)
        plain["num_hydrogens"] = _with_text_keys({n: _with_text_keys(of) for n, of in self.num_hydrogens.items()})
        plain["conditions"] = [condition_to_dict(condition) for condition in self.conditions]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], *, source: str = "statistics") -> "Statistics":
        """Inverse of `to_dict`.

        Args:
            plain: what JSON gave.
            source: file or field for the message.

        Returns:
            The statistics.

        Raises:
            DataError: if a key is missing, unknown or of the wrong kind.
        """
        older = {"conditions": [], "latent_scale": 0.0, "num_hydrogens": {}}
        plain = {**older, "num_heavy_atoms": None, "net_charge": None, **plain}  # older files have none
        names = {field.name for field in fields(cls)}
        if set(plain) != names:
            raise DataError(
                f"{source}: missing keys {sorted(names - set(plain))}, unknown keys {sorted(set(plain) - names)}"
            )
        try:
            return cls(
                vocabulary=tuple(checked(label, str) for label in checked(plain["vocabulary"], list, tuple)),
                sizes=_counts(plain["sizes"]),
                atom_marginals=tuple(float(checked(value, float, int)) for value in plain["atom_marginals"]),
                bond_marginals=tuple(float(checked(value, float, int)) for value in plain["bond_marginals"]),
                pos_scale=float(checked(plain["pos_scale"], float, int)),
                num_molecules=checked(plain["num_molecules"], int),
                score=_score(plain["score"]),
                conditions=tuple(condition_from_dict(checked(condition, dict)) for condition in plain["conditions"]),
                num_heavy_atoms=_range(plain["num_heavy_atoms"]),
                net_charge=_range(plain["net_charge"]),
                num_hydrogens={int(size): _counts(numbers) for size, numbers in plain["num_hydrogens"].items()},
                latent_scale=float(checked(plain["latent_scale"], float, int)),
            )
        except DataError as error:
            raise DataError(f"{source}: {str(error).removeprefix('statistics: ')}") from error
        except (TypeError, ValueError, AttributeError, OverflowError, KeyError) as error:
            raise DataError(f"{source}: a value is of the wrong kind: {error}") from error


def _count_pairs(sizes: Integer[np.ndarray, "m"], hydrogens: Integer[np.ndarray, "m"]) -> dict[int, dict[int, int]]:
    """How often each number of hydrogens comes with each size."""
    found: dict[int, dict[int, int]] = {}
    pairs, counts = np.unique(np.stack([sizes, hydrogens]), axis=1, return_counts=True)
    for (size, number), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        found.setdefault(size, {})[number] = count
    return found


def _with_text_keys(counts: Mapping[int, Any]) -> dict[str, Any]:
    return {str(number): count for number, count in counts.items()}


def _counts(plain: Any) -> dict[int, int]:
    return {int(number): checked(count, int) for number, count in plain.items()}


def _range(plain: Any) -> Range | None:
    """Two whole numbers in their order; anything else but None is a `ValueError`."""
    if plain is None:
        return None
    low, high = (checked(value, int) for value in checked(plain, list, tuple))
    if low > high:
        raise ValueError(f"{plain} is no least and greatest")
    return low, high


def _score(plain: Any) -> dict[str, Any] | None:
    """As of `moldiff.metrics.score.Score.to_dict`, which belongs to another room: its counts are counts."""
    if checked(plain, dict, type(None)) is None:
        return None
    rates = [(checked(rate["numerator"], int), checked(rate["denominator"], int)) for rate in plain["rates"].values()]
    others = [checked(count, int) for count in (plain["num_requested"], *plain["failures"].values())]
    if not all(0 <= part <= whole for part, whole in rates) or min(others) < 0:
        raise ValueError("a score of counts that are none")
    return plain
