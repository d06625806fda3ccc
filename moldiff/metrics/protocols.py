"""The field's older protocols, by name, beside the strict one of `moldiff.metrics.score`: for comparison alone.

Each decides which atoms are stable and which molecules are valid by its own rules; known faults are kept where figures
were published with them. What a protocol calls one molecule differs, too, so its uniqueness is its own.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Bool

from moldiff.chem.bond_perception import largest_part, perceive
from moldiff.chem.molecule import Failure
from moldiff.chem.valence import ALLOWED
from moldiff.chem.validity import Record
from moldiff.chem.vocabulary import ATOMIC_NUMBERS
from moldiff.errors import ConfigError
from moldiff.metrics.distance_bonds import TABLE, has_right_valence, with_distance_bonds

Valences = Mapping[str, Mapping[int, tuple]]

# Source: Vignac et al. 2023 (MiDi), arXiv:2302.09048, published code; listed there without charges is 0 here.
MIDI: Valences = {
    "H": {0: (1,), 1: (0,), -1: (0,)},
    "C": {0: (3, 4), 1: (3,), -1: (3,)},
    "N": {0: (2, 3), 1: (2, 3, 4), -1: (2,)},
    "O": {0: (2,), 1: (3,), -1: (1,)},
    "F": {0: (1,), -1: (0,)},
    "B": {0: (3,)},
    "Al": {0: (3,)},
    "Si": {0: (4,)},
    "P": {0: (3, 5), 1: (4,)},
    "S": {0: (2, 6), 1: (2, 3), 2: (4,), 3: (5,), -1: (3,)},
    "Cl": {0: (1,)},
    "As": {0: (3,)},
    "Br": {0: (1,), 1: (2,)},
    "I": {0: (1,)},
    "Hg": {0: (1, 2)},
    "Bi": {0: (3, 5)},
    "Se": {0: (2, 4, 6)},
}
# Pairs (aromatic bonds, orders of the others). Source: Nikitin et al. 2025, arXiv:2505.00169, published table.
GEOM_REVISED: Valences = {
    "H": {0: ((0, 1),)},
    "B": {0: ((0, 3),), -1: ((0, 4),)},
    "C": {0: ((0, 4), (2, 2), (2, 1), (3, 0)), 1: ((0, 3), (2, 1), (3, 0)), -1: ((0, 3), (2, 1), (3, 0))},
    "N": {
        0: ((0, 3), (2, 0), (2, 1), (3, 0)),
        1: ((0, 4), (2, 0), (2, 1), (2, 2), (3, 0)),
        -1: ((0, 2), (2, 0)),
        -2: ((0, 1),),
    },
    "O": {0: ((0, 2), (2, 0)), 1: ((0, 3),), -1: ((0, 1),)},
    "F": {0: ((0, 1),)},
    "Si": {0: ((0, 4),), 1: ((0, 5),)},
    "P": {0: ((0, 3), (0, 5)), 1: ((0, 4),)},
    "S": {
        0: ((0, 2), (0, 3), (0, 6), (2, 0)),
        1: ((0, 3), (2, 0), (2, 1), (3, 0)),
        2: ((0, 4), (2, 1), (2, 2)),
        3: ((0, 2), (0, 5)),
        -1: ((0, 1),),
    },
    "Cl": {0: ((0, 1),), 1: ((0, 2),)},
    "Br": {0: ((0, 1),), 1: ((0, 2),)},
    "I": {0: ((0, 1),), 1: ((0, 2),), 2: ((0, 3),)},
    "Bi": {0: ((0, 3),), 2: ((0, 5),)},
}


@dataclass(frozen=True)
class ProtocolVerdict:
    """One record by one protocol.

    Attributes:
        stable: truth for each atom.
        smiles: identity of the molecule; empty if it is not valid.
    """

    stable: Bool[np.ndarray, "n"]
    smiles: str


def _distance_bonds(record: Record) -> ProtocolVerdict:
    molecule = with_distance_bonds(record)
    if isinstance(molecule, Failure):
        return ProtocolVerdict(np.zeros(0, dtype=bool), "")
    return ProtocolVerdict(has_right_valence(molecule), largest_part(molecule))


def _midi(record: Record) -> ProtocolVerdict:
    found = perceive(record)
    keys = zip(found.elements.tolist(), found.charges.tolist(), strict=True)
    allowed = [_MIDI.get(key, _MIDI.get((key[0], 0), ())) for key in keys]
    valences = (found.aromatic + found.others).tolist()
    return ProtocolVerdict(
        np.array([v in a for v, a in zip(valences, allowed, strict=True)], dtype=bool), found.largest
    )


def _geom_revised(record: Record) -> ProtocolVerdict:
    found = perceive(record)
    keys = zip(found.elements.tolist(), found.charges.tolist(), strict=True)
    pairs = zip(found.aromatic.tolist(), found.others.tolist(), strict=True)
    stable = np.array([pair in _GEOM_REVISED.get(key, ()) for key, pair in zip(keys, pairs, strict=True)], dtype=bool)
    return ProtocolVerdict(stable, found.largest if found.sanitised and found.num_parts == 1 else "")


def _by_number(table: Valences) -> dict[tuple[int, int], tuple]:
    return {(ATOMIC_NUMBERS[symbol], charge): v for symbol, row in table.items() for charge, v in row.items()}


_MIDI, _GEOM_REVISED = _by_number(MIDI), _by_number(GEOM_REVISED)


@dataclass(frozen=True)
class Protocol:
    """A way to count that others have published.

    Attributes:
        name: as given by the user.
        definition: what is stable, what is valid, and what is the same molecule.
        faults: what is known to be wrong with it; empty if nothing.
        source: where it was published.
        judge: counts one record that was read.
        table: its numbers, part of the hash.
    """

    name: str
    definition: str
    faults: str
    source: str
    judge: Callable[[Record], ProtocolVerdict] = field(repr=False)
    table: object = field(repr=False)

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change with the definition or the table."""
        return _hash(self.name, self.definition, self.table)

    def to_dict(self) -> dict[str, str]:
        """For JSON: what was counted, and how."""
        return {"definition": self.definition, "faults": self.faults, "source": self.source, "hash": self.hash}


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "distance-bonds",
            "Bonds from distances alone, every atom neutral. Stable: one valence for each of H, C, N, O, F. Valid: "
            "RDKit sanitises the molecule of these bonds. The same: SMILES of the largest part.",
            "Charges are not seen, and unconnected parts do not count against a molecule.",
            "Hoogeboom et al. 2022, arXiv:2203.17003",
            _distance_bonds,
            TABLE,
        ),
        Protocol(
            "midi",
            "Bonds as given, aromatic ones perceived. Stable: sum of bond orders, an aromatic bond counted 1, in the "
            "published table, an unlisted charge as if neutral. Valid: RDKit sanitises the largest part, which has no "
            "aromatic bond outside rings. The same: its SMILES.",
            "Aromatic bonds count 1 by an accident, so the table allows carbon of valence 3 and nitrogen of 2: "
            "radicals pass, and aromatic bonds outside rings are stable. Unconnected parts do not count against a "
            "molecule.",
            "Vignac et al. 2023, arXiv:2302.09048",
            _midi,
            MIDI,
        ),
        Protocol(
            "geom-revised",
            "Bonds as given, aromatic ones perceived. Stable: number of aromatic bonds and sum of the other orders, "
            "together, in the published table by element and charge. Valid: RDKit sanitises, no aromatic bond outside "
            "rings, and one part. The same: SMILES.",
            "The table holds what occurs in GEOM-Drugs, some radicals of sulphur among it.",
            "Nikitin et al. 2025, arXiv:2505.00169",
            _geom_revised,
            GEOM_REVISED,
        ),
    )
}

ALIASES = {"lookup": "distance-bonds", "distance_bonds": "distance-bonds", "geom_revised": "geom-revised"}
STRICT_DEFINITION = (
    "RDKit sanitises the record, without its clean-up steps; no radicals; no implicit hydrogens; one fragment. Stable: "
    "the sum of each atom's Kekulé bond orders is in the table by element and charge. The same: canonical SMILES "
    "without hydrogens and stereo."
)


def strict_definition() -> dict[str, Any]:
    """For JSON: what `moldiff.metrics.score` counts by itself, and by which versions."""
    versions = {name: version(name) for name in ("moldiff", "rdkit")}
    digest = _hash("strict", STRICT_DEFINITION, ALLOWED)
    return {"definition": STRICT_DEFINITION, "hash": digest, "versions": versions}


def _hash(name: str, definition: str, table: object) -> str:
    return hashlib.sha256(json.dumps([name, definition, repr(table)]).encode()).hexdigest()[:12]


class Tally:
    """Counts by one protocol."""

    def __init__(self) -> None:
        self.atoms = self.stable_atoms = self.stable = self.valid = 0
        self.unique: set[str] = set()

    def add(self, verdict: ProtocolVerdict) -> None:
        """Counts a record that was read; one that was not is a molecule that is not valid, without atoms."""
        self.atoms += len(verdict.stable)
        self.stable_atoms += int(verdict.stable.sum())
        self.stable += bool(len(verdict.stable) and verdict.stable.all())
        self.valid += bool(verdict.smiles)
        self.unique |= {verdict.smiles} - {""}


def find_protocols(names: Iterable[str]) -> tuple[str, ...]:
    """Names of protocols, each once; a ConfigError if one is unknown."""
    found = tuple(dict.fromkeys(ALIASES.get(name, name) for name in names))
    for name in found:
        if name not in PROTOCOLS:
            raise ConfigError(f"protocol {name!r}: expected one of {', '.join(PROTOCOLS)}")
    return found
