"""What is known of a reference set of molecules, in one small file, so that the set itself is not needed.

A file is safetensors. Its arrays are sorted hashes of what occurs, counts and quantiles; its metadata is one JSON text.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
from jaxtyping import Float, Int, UInt32, UInt64
from rdkit import Chem
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from moldiff.chem.alerts import CATALOGS
from moldiff.chem.environments import RADII, environments, functional_groups
from moldiff.chem.ring_systems import ring_systems
from moldiff.errors import ConfigError, DataError, OutputError
from moldiff.metrics.druglike import Moments

SUMMARIES = ("qm9", "moses", "chembl")  # shipped, made by scripts/benchmarks/make_summaries.py
FORMAT = "moldiff chemistry summary 1"
NUMBERS = ("qed", "sa", "logp", "weight")  # of DESCRIPTORS; weight in g/mol
NUM_QUANTILES = 1001
MOST_RINGS_COUNTED, LARGEST_RING = 20, 40  # the last place of a histogram is for what is more
CHEMNET_WIDTH = 512  # activations of a molecule
PROBES = (  # what an RDKit of other rules would write otherwise
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "O=C1NC(=O)c2ccccc21",
    "c1ccc2cccc-2cc1",
    "[O-][n+]1ccccc1",
    "C1CC2CCC1C2",
    "CS(=O)(=O)Nc1nnc(N)s1",
    "O=c1cccccc1",
    "C12C3C4C1C5C2C3C45",
    "O=C1c2ccccc2C(=O)N1C1CCC(=O)NC1=O",
)


@dataclass(frozen=True, eq=False)
class ChemistrySummary:
    """A reference set of molecules, by what occurs in it and how often.

    Attributes:
        name: of the set.
        source: where its molecules come from.
        num_molecules: in the set.
        num_sampled: of these, the random ones that `quantiles` and `alert_counts` are of.
        num_chemnet: of these, the random ones that ChemNet's moments are of; 0 for none.
        alert_counts: sampled molecules with an alert, by catalog.
        held_out: score of molecules that were left out, as of `moldiff.evaluation.chemistry_reference`; empty for none.
        ring_systems: hashes (`text_hash`) of their canonical SMILES, sorted.
        functional_groups: hashes of their canonical SMILES, sorted.
        environments_1: surroundings of atoms of radius 1, sorted.
        environments_2: of radius 2.
        molecules: hashes of canonical SMILES without stereo, sorted; empty where they are left out.
        num_rings: molecules with 0, 1, ... `MOST_RINGS_COUNTED` rings or more.
        ring_sizes: rings of 0, 1, ... `LARGEST_RING` atoms or more.
        quantiles: of `NUMBERS`, at the midpoints of equal shares.
        chemnet_mean: mean of ChemNet's activations.
        chemnet_covariance: upper triangle of their covariance, row by row.
    """

    name: str
    source: str
    num_molecules: int
    num_sampled: int
    num_chemnet: int
    alert_counts: Mapping[str, int]
    held_out: Mapping[str, Any] = field(repr=False)
    ring_systems: UInt64[np.ndarray, "r"] = field(repr=False)
    functional_groups: UInt64[np.ndarray, "f"] = field(repr=False)
    environments_1: UInt32[np.ndarray, "e"] = field(repr=False)
    environments_2: UInt32[np.ndarray, "g"] = field(repr=False)
    molecules: UInt64[np.ndarray, "m"] = field(repr=False)
    num_rings: Int[np.ndarray, "21"] = field(repr=False)
    ring_sizes: Int[np.ndarray, "41"] = field(repr=False)
    quantiles: Float[np.ndarray, "4 1001"] = field(repr=False)
    chemnet_mean: Float[np.ndarray, "512"] = field(repr=False)
    chemnet_covariance: Float[np.ndarray, "131328"] = field(repr=False)

    @property
    def moments(self) -> Moments | None:
        """Mean and covariance of ChemNet's activations; None if there are none."""
        if not self.num_chemnet:
            return None
        covariance = np.zeros((CHEMNET_WIDTH, CHEMNET_WIDTH))
        covariance[np.triu_indices(CHEMNET_WIDTH)] = self.chemnet_covariance
        return self.chemnet_mean.astype(np.float64), covariance + np.triu(covariance, 1).T

    def unknown(self, kind: str, texts: Iterable[str]) -> list[str]:
        """Those of some SMILES that do not occur, each once; of `ring_systems`, `functional_groups`, `molecules`."""
        distinct = sorted(set(texts))
        known = contains(getattr(self, kind), np.array([text_hash(text) for text in distinct], dtype=np.uint64))
        return [text for text, there in zip(distinct, known.tolist(), strict=True) if not there]

    def num_unknown_environments(self, radius: int, numbers: Collection[int]) -> int:
        """How many of some different surroundings do not occur."""
        wanted = np.array(sorted(numbers), dtype=np.uint32)
        return len(wanted) - int(contains(getattr(self, f"environments_{radius}"), wanted).sum())

    def save(self, path: str | Path) -> None:
        """Writes the file, whole or not at all; an OutputError if it cannot be written."""
        path = Path(path)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        text = json.dumps(self._metadata(), sort_keys=True)
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _KINDS}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(save(arrays, {"summary": text}))
            beside.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    def _metadata(self) -> dict[str, Any]:
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _KINDS}
        named |= {"alert_counts": dict(self.alert_counts), "held_out": dict(self.held_out)}
        return named | {"format": FORMAT, "rdkit": rdkit.__version__, "probes": _probes()}


_KINDS = {  # of the arrays: their dtype, and their shape where it is one
    "ring_systems": (np.uint64, None),
    "functional_groups": (np.uint64, None),
    "environments_1": (np.uint32, None),
    "environments_2": (np.uint32, None),
    "molecules": (np.uint64, None),
    "num_rings": (np.int64, (MOST_RINGS_COUNTED + 1,)),
    "ring_sizes": (np.int64, (LARGEST_RING + 1,)),
    "quantiles": (np.float32, (len(NUMBERS), NUM_QUANTILES)),
    "chemnet_mean": (np.float32, (CHEMNET_WIDTH,)),
    "chemnet_covariance": (np.float32, (CHEMNET_WIDTH * (CHEMNET_WIDTH + 1) // 2,)),
}
_SORTED = ("ring_systems", "functional_groups", "environments_1", "environments_2", "molecules")


@cache
def load_summary(name: str) -> ChemistrySummary:
    """A shipped summary: `qm9`, `moses` or `chembl`; a ConfigError for another name; errors as of `read_summary`."""
    if name not in SUMMARIES:
        raise ConfigError(f"summary {name!r}: expected one of {', '.join(SUMMARIES)}")
    return read_summary(Path(__file__).with_name("summaries") / f"{name}.safetensors")


def read_summary(path: str | Path) -> ChemistrySummary:
    """Reads a file that `ChemistrySummary.save` has written.

    Args:
        path: of the file.

    Returns:
        The summary.

    Raises:
        DataError: if it is no such file, or the RDKit here writes other canonical SMILES than the one that made it.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="np") as stream:
            metadata = json.loads((stream.metadata() or {}).get("summary", "{}"))
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{path}: no summary of molecules: {error}") from error
    fault = _fault(metadata, arrays)
    if fault:
        raise DataError(f"{path}: no summary of molecules: {fault}; make it again")
    if metadata.pop("probes") != _probes():
        made = metadata["rdkit"]
        raise DataError(
            f"{path}: made by RDKit {made}, whose canonical SMILES differ from those of {rdkit.__version__}; give the "
            "molecules themselves as the reference"
        )
    return ChemistrySummary(**{name: metadata[name] for name in _FIELDS}, **arrays)


_FIELDS = {"name": str, "source": str, "num_molecules": int, "num_sampled": int, "num_chemnet": int}
_FIELDS |= {"alert_counts": dict, "held_out": dict}


def _fault(metadata: Any, arrays: Mapping[str, np.ndarray]) -> str:
    """What is wrong with what a file holds; empty if nothing is."""
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        return f"its metadata is not of the format {FORMAT!r}"
    expected = _FIELDS | {"format": str, "rdkit": str, "probes": dict}
    wrong = [name for name, kind in expected.items() if not isinstance(metadata.get(name), kind)]
    wrong += [name for name in metadata if name not in expected]
    if wrong or set(metadata["alert_counts"]) != set(CATALOGS):
        return f"its metadata has other values than expected: {', '.join(wrong) or 'alert_counts'}"
    if set(arrays) != set(_KINDS):
        return f"its arrays are {', '.join(sorted(arrays))}; expected {', '.join(sorted(_KINDS))}"
    for name, (dtype, shape) in _KINDS.items():
        array = arrays[name]
        if (
            array.dtype != dtype
            or array.ndim != (1 if shape is None else len(shape))
            or shape not in (None, array.shape)
        ):
            return f"{name} is {array.dtype}{list(array.shape)}, expected {np.dtype(dtype)}{list(shape or [-1])}"
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"{name} is not finite"
        if name in _SORTED and (array[1:] <= array[:-1]).any():
            return f"{name} is not sorted"
    return ""


def text_hash(text: str) -> int:
    """64 bits of BLAKE2b, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def contains(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which of some values a sorted array has."""
    if not len(known):
        return np.zeros(len(wanted), dtype=bool)
    return known[np.searchsorted(known, wanted).clip(max=len(known) - 1)] == wanted


def histogram_of_num_rings(num_rings: Sequence[int]) -> Int[np.ndarray, "21"]:
    """Molecules by their number of rings."""
    return np.bincount(
        np.minimum(np.array(num_rings, dtype=np.int64), MOST_RINGS_COUNTED), minlength=MOST_RINGS_COUNTED + 1
    )


def histogram_of_ring_sizes(sizes: Sequence[int]) -> Int[np.ndarray, "41"]:
    """Rings by their number of atoms."""
    return np.bincount(np.minimum(np.array(sizes, dtype=np.int64), LARGEST_RING), minlength=LARGEST_RING + 1)


@cache
def _probes() -> dict[str, str]:
    """For each of `PROBES`, a hash of all that a summary would hold of it."""
    found = {}
    for smiles in PROBES:
        mol = Chem.MolFromSmiles(smiles)
        near = environments(mol)
        seen = (Chem.MolToSmiles(mol), ring_systems(mol), functional_groups(mol), *(sorted(near[r]) for r in RADII))
        found[smiles] = f"{text_hash(repr(seen)):016x}"
    return found
