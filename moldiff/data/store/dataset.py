"""The on-disk store: a folder with `meta.json` and `arrays.safetensors`, read out of core: it may exceed the memory.

A `MoleculeStore` is a sequence of PyG `Data`, as PyG's `DataLoader` takes it; for training its `state` builds dense
batches straight from the flat arrays.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int, Integer

from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.statistics import Statistics
from moldiff.data.store.integrity import AGAIN, PROPERTY, SPLITS, check_arrays, check_contents, check_meta
from moldiff.data.store.memory_map import PIECE, Lines, mapped_arrays
from moldiff.errors import ConfigError, DataError, VocabularyError
from moldiff.state import State

if TYPE_CHECKING:
    from torch_geometric.data import Data, Dataset  # takes seconds to import

VERSION = 1


def find_store(name: str) -> Path:
    """The folder of a prepared data set: a path, or a name below `stores/`.

    Args:
        name: what the settings call it.

    Returns:
        The folder.

    Raises:
        ConfigError: if there is none; the message says how to make it.
    """
    for path in (Path(name), Path("stores") / name):
        try:
            if (path / "meta.json").is_file():
                return path
        except OSError as error:
            raise ConfigError(f"data {name!r}: {path} cannot be read: {error.strerror}") from error
    raise ConfigError(f"data {name!r}: no prepared store there or in stores/; make it with: moldiff prepare {name}")


class MoleculeStore:
    """A prepared data set, opened from the folder that `moldiff prepare` made.

    It has `path`, `meta` (what `meta.json` says), `vocabulary` (atom classes), `statistics` (of the train split),
    `sizes` (number of atoms of each molecule), `starts` (place of the first of them among all atoms) and
    `property_names` (in the order of `Data.properties`).

    Args:
        path: the folder.
        checked: every array was looked at before, in another process.

    Raises:
        DataError: if the folder is no store, of another version, or holds anything that a store cannot hold.
    """

    def __init__(self, path: str | Path, *, checked: bool = False) -> None:
        self.path = Path(path)
        self.meta = _read_meta(self.path)
        self.statistics = Statistics.from_dict(self.meta["statistics"], source=f"{self.path / 'meta.json'}: statistics")
        try:
            self.vocabulary = Vocabulary(self.statistics.vocabulary)
        except VocabularyError as error:
            raise DataError(f"{self.path / 'meta.json'}: {error}; {AGAIN}") from error
        arrays = mapped_arrays(self.path / "arrays.safetensors")
        check_arrays(self.path, arrays, self.meta)
        if not checked:
            check_contents(self.path, arrays, self.meta, self.statistics)
        self._arrays_by_name = arrays
        self.sizes = arrays["size"].astype(np.int64)
        self._pos, self._atom = arrays["pos"], arrays["atom"]
        self._ends, self._order = arrays["bond_ends"], arrays["bond_order"]
        self._num_bonds = arrays["num_bonds"].astype(np.int64)
        self._split = arrays["split"]
        self.starts = np.cumsum(self.sizes) - self.sizes
        self._bond_starts = np.cumsum(self._num_bonds) - self._num_bonds
        self._smiles, self._names = Lines(arrays["smiles"]), Lines(arrays["names"])
        self._properties = {k[len(PROPERTY) :]: arrays[k] for k in sorted(arrays) if k.startswith(PROPERTY)}
        self.property_names = tuple(self._properties)

    @property
    def explicit(self) -> "MoleculeStore":
        """Itself; see `moldiff.data.representation.FoldedStore`."""
        return self

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        """Another process opens the same folder; nothing is copied."""
        return partial(MoleculeStore, checked=True), (self.path,)

    def __len__(self) -> int:
        """Number of molecules."""
        return len(self.sizes)

    def __getitem__(self, idx: int) -> "Data":
        """Molecule `idx` as PyG data; each bond stands in both directions. A `TypeError` if it is no number."""
        from torch_geometric.data import Data

        if not isinstance(idx, int | np.integer):
            raise TypeError(f"a store has one molecule for a number, got {type(idx).__name__}; slice store.dataset()")
        pos, atom, ends, order = self._arrays(idx)
        elements, charges = self.vocabulary.decode(atom)
        return Data(
            pos=torch.from_numpy(pos.copy()),
            atom=torch.from_numpy(atom),
            z=torch.from_numpy(elements),
            charge=torch.from_numpy(charges),
            edge_index=torch.from_numpy(np.concatenate([ends, ends[::-1]], axis=1)),
            edge_attr=torch.from_numpy(np.concatenate([order, order])),
            properties=torch.tensor([[column[idx] for column in self._properties.values()]], dtype=torch.float64),
            name=self._names[idx],
        )

    def dataset(self) -> "Dataset":
        """The same as a PyG `Dataset`, with its slices, shuffles and transforms."""
        from moldiff.data.store.pyg_dataset import PygDataset

        return PygDataset(self)

    def fingerprint(self) -> str:
        """Of all that a training sees: the same for the same molecules, wherever and whenever they were prepared."""
        contents = [self.vocabulary.labels, self.meta["classes"], self.meta["units"]]
        digest = hashlib.blake2b(json.dumps(contents, sort_keys=True).encode(), digest_size=16)
        for name in sorted(self._arrays_by_name.keys() - {"names"}):
            array = self._arrays_by_name[name]
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            flat = array.reshape(-1).view(np.uint8)
            for start in range(0, len(flat), PIECE):
                digest.update(flat[start : start + PIECE].tobytes())
        return digest.hexdigest()

    def molecule(self, idx: int) -> Molecule:
        """Molecule `idx` with its name and properties."""
        pos, atom, (begin, end), order = self._arrays(idx)
        bond = np.zeros((len(atom), len(atom)), dtype=np.int64)
        bond[begin, end] = bond[end, begin] = order
        elements, charges = self.vocabulary.decode(atom)
        values = {key: column[idx] for key, column in self._properties.items() if not np.isnan(column[idx])}
        values = {key: float(str(value)) for key, value in values.items()}  # 45.46, not 45.459999 of a float32
        return Molecule(elements, charges, pos.astype(np.float64), bond, name=self._names[idx], properties=values)

    def _arrays(self, idx: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates, atom classes, both ends of each bond, and its order."""
        atoms = slice(self.starts[idx], self.starts[idx] + self.sizes[idx])
        bonds = slice(self._bond_starts[idx], self._bond_starts[idx] + self._num_bonds[idx])
        atom, ends = self._atom[atoms].astype(np.int64), self._ends[bonds].astype(np.int64).T
        return self._pos[atoms], atom, ends, self._order[bonds].astype(np.int64)

    def smiles(self, idx: int) -> str:
        """Published SMILES, empty where the source had none."""
        return self._smiles[idx]

    def property(self, name: str) -> np.ndarray:
        """Column of one property over all molecules; a name that is not in `property_names` is a `DataError`."""
        if name not in self._properties:
            raise DataError(f"{self.path}: no property {name!r}; it has {', '.join(self.property_names) or 'none'}")
        return self._properties[name]

    def atom_classes(self) -> Integer[np.ndarray, "a"]:
        """Of all atoms, molecule after molecule."""
        return self._atom

    def charges(self) -> Int[np.ndarray, "a"]:
        """Formal charges of all atoms."""
        return self.vocabulary.decode(self._atom.astype(np.int64))[1]

    def bond_orders(self) -> Integer[np.ndarray, "e"]:
        """Of all bonds."""
        return self._order

    def positions(self) -> Float[np.ndarray, "a 3"]:
        """Of all atoms, Å, as they lie in the file."""
        return self._pos

    def bonds(self) -> tuple[Int[np.ndarray, "2 e"], Integer[np.ndarray, "e"], Int[np.ndarray, "e"]]:
        """Both ends of all bonds, as places among all atoms, their orders, and the molecule that each is of."""
        molecule = np.repeat(np.arange(len(self)), self._num_bonds)
        return self._ends.astype(np.int64).T + self.starts[molecule], self._order, molecule

    def bond_lengths(self, radii: Float[np.ndarray, "c"]) -> tuple[Float[np.ndarray, "e"], Int[np.ndarray, "e"]]:
        """Lengths of all bonds in sums of the radii (Å) of their classes, and the molecule that each is of."""
        (one, other), _, molecule = self.bonds()
        length = np.linalg.norm(self._pos[one] - self._pos[other], axis=1)
        return length / (radii[self._atom[one]] + radii[self._atom[other]]), molecule

    def split(self, name: str) -> Int[np.ndarray, "m"]:
        """Numbers of the molecules in "train", "valid" or "test", ascending."""
        if name not in SPLITS:
            raise DataError(f"split {name!r}: expected one of {', '.join(SPLITS)}")
        return np.flatnonzero(self._split == SPLITS.index(name))

    def statistics_of(self, indices: Int[np.ndarray, "k"]) -> Statistics:
        """Counted on these molecules only; what they are read into takes memory."""
        chosen = np.zeros(len(self), dtype=bool)
        chosen[indices] = True
        return Statistics.count_part(
            chosen, self._pos, self._atom, self.sizes, self._order, self._num_bonds, vocabulary=self.vocabulary.labels
        )

    def state(self, indices: Sequence[int] | Int[np.ndarray, "b"]) -> State:
        """Dense batch of these molecules, each centred; the same as `collate` of their `Data`, without the detour."""
        indices = np.asarray(indices, dtype=np.int64)
        sizes = self.sizes[indices]
        b, n = len(indices), int(sizes.max())
        mask = np.arange(n) < sizes[:, None]
        flat = np.where(mask, self.starts[indices][:, None] + np.arange(n), 0)
        pos = self._pos[flat] * mask[..., None]
        pos = (pos - pos.sum(1, keepdims=True) / sizes[:, None, None].astype(np.float32)) * mask[..., None]
        atom = np.where(mask, self._atom[flat], 0).astype(np.int64)
        counts = self._num_bonds[indices]
        rows = np.repeat(np.arange(b), counts)
        edge = np.repeat(self._bond_starts[indices] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        left, right = self._ends[edge].astype(np.int64).T
        bond = np.zeros((b, n, n), dtype=np.int64)
        bond[rows, left, right] = bond[rows, right, left] = self._order[edge]
        return State(*(torch.from_numpy(array) for array in (pos, atom, bond, mask)))


def _read_meta(path: Path) -> dict[str, Any]:
    file = path / "meta.json"
    try:
        meta = json.loads(file.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{path}: no store here (no meta.json); make one with `moldiff prepare`") from error
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: not JSON: {error}; {AGAIN}") from error
    if not isinstance(meta, dict) or meta.get("format") != "moldiff-store":
        raise DataError(f"{file}: not the description of a moldiff store")
    if meta.get("version") != VERSION:
        raise DataError(f"{file}: store version {meta.get('version')}, this moldiff reads {VERSION}; prepare it again")
    for key in ("units", "classes"):
        meta.setdefault(key, {})  # older stores have none
    check_meta(file, meta)
    return meta


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
