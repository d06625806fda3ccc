"""Molecules of any PyG data set, as a source for `prepare`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from moldiff.chem.bond_assignment import from_orders
from moldiff.chem.molecule import Failure, Molecule
from moldiff.data.sources.base import Source
from moldiff.data.sources.files import read_valid
from moldiff.errors import DataError, MoleculeError


@runtime_checkable
class Molecules(Protocol):
    """What is needed of a PyG data set; a list of `Data` will do."""

    def __len__(self) -> int: ...

    def __getitem__(self, idx: int, /) -> Any: ...


Arrays = dict[str, np.ndarray | str]
_AROMATIC = 1.5
_ONE_HOT = np.array([1.0, 2.0, 3.0, _AROMATIC])  # columns of `torch_geometric.datasets.QM9`
_RDKIT_TYPES = {1: 1.0, 2: 2.0, 3: 3.0, 12: _AROMATIC}  # first column of `torch_geometric.utils.from_smiles`


def from_pyg(dataset: Molecules, *, name: str, property_names: Sequence[str] = ()) -> Source:
    """A source of the molecules of a PyG data set, for `prepare`.

    Each `Data` has `z`, `pos` in Å, and its bonds as `edge_index` and `edge_attr`: orders 1, 2, 3 or 1.5 for aromatic,
    one column each of single, double, triple, aromatic, or the three columns of PyG's `from_smiles`. Formal charges are
    taken from `charge`, and are 0 without it.

    Args:
        dataset: of whole molecules with all hydrogens.
        name: of the data set.
        property_names: names for the columns of `y`; without them `y` is not kept.

    Returns:
        The source.

    Raises:
        DataError: if the data set is empty, or its molecules have no atoms, coordinates or bonds.
    """
    if len(dataset) == 0:
        raise DataError(f"{name}: the PyG data set is empty")
    first = dataset[0]
    missing = [key for key in ("z", "pos", "edge_index", "edge_attr") if key not in first]
    if missing:
        raise DataError(
            f"{name}: molecule 0 has no {' and no '.join(missing)}; atoms, coordinates, bonds are learnt together, so "
            "z, pos, edge_index and edge_attr (bond orders) are all needed"
        )
    columns = first["y"].numel() if "y" in first else 0
    if property_names and len(property_names) != columns:
        raise DataError(f"{name}: {len(property_names)} property names for the {columns} columns of y")
    records = _arrays(dataset, tuple(property_names))
    origin = {"pyg": type(dataset).__name__, "path": Path(str(getattr(dataset, "root", None) or "")).name}
    return Source(name, records, len(dataset), read_pyg, origin)


def _arrays(dataset: Molecules, property_names: tuple[str, ...]) -> Iterator[Arrays]:
    for i in range(len(dataset)):
        data = dataset[i]
        record: Arrays = {
            key: data[key].numpy() for key in ("z", "pos", "edge_index", "edge_attr", "charge") if key in data
        }
        record["name"] = str(data["name"]) if "name" in data else str(i)
        if property_names:
            record["y"] = data["y"].double().numpy().reshape(-1)
            record["property_names"] = "\n".join(property_names)
        yield record


def read_pyg(record: Arrays) -> tuple[Molecule, str] | Failure:
    """Molecule and SMILES of the arrays of one `Data`."""
    name = record["name"]
    assert isinstance(name, str)
    absent = {"z", "pos", "edge_index", "edge_attr"} - set(record)
    if absent:
        return Failure("no_bonds" if absent <= {"edge_index", "edge_attr"} else "unreadable", f"{name}: no {absent}")
    elements = np.asarray(record["z"], dtype=np.int64)
    charges = np.asarray(record.get("charge", np.zeros(len(elements))), dtype=np.int64)
    edges = np.asarray(record["edge_index"], dtype=np.int64)
    orders = _orders(np.asarray(record["edge_attr"]))
    if orders is None or edges.shape != (2, len(orders)):
        return Failure(
            "bond_type", f"{name}: edge_attr of shape {np.shape(record['edge_attr'])} is no list of bond orders"
        )
    matrix = np.zeros((len(elements), len(elements)))
    matrix[edges[0], edges[1]] = orders
    matrix = np.maximum(matrix, matrix.T)
    values = np.asarray(record.get("y", np.empty(0)), dtype=np.float64).tolist()
    names = str(record.get("property_names", "")).split("\n") if values else []
    properties = dict(zip(names, values, strict=True))
    try:
        pos = np.asarray(record["pos"], dtype=np.float64)
        molecule = from_orders(elements, charges, pos, matrix, name=name, properties=properties)
    except MoleculeError as error:
        return Failure("unreadable", str(error))
    return read_valid(molecule)


def _orders(edge_attr: np.ndarray) -> Float[np.ndarray, "e"] | None:
    if edge_attr.ndim == 2 and edge_attr.shape[1] == 4 and (edge_attr.sum(1) == 1).all():
        return edge_attr.astype(np.float64) @ _ONE_HOT
    if edge_attr.ndim == 2 and edge_attr.shape[1] == 3:
        types: Int[np.ndarray, "e"] = edge_attr[:, 0].astype(np.int64)
        return np.array([_RDKIT_TYPES.get(kind, 0.0) for kind in types.tolist()])
    if edge_attr.ndim == 1 or (edge_attr.ndim == 2 and edge_attr.shape[1] == 1):
        return edge_attr.reshape(-1).astype(np.float64)
    return None
