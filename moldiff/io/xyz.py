"""XYZ, one or many frames: elements and coordinates in Å, no bonds and no charges."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rdkit import Chem

from moldiff.chem.molecule import MAX_COORDINATE, Failure, Molecule, with_one_charge
from moldiff.chem.rdkit_conversion import number_or_text
from moldiff.chem.vocabulary import ATOMIC_NUMBERS
from moldiff.errors import OutputError
from moldiff.io.frames import is_count, number, read_frames
from moldiff.io.text import printable

_TABLE = Chem.GetPeriodicTable()
_EXTENDED = ("properties", "pbc", "lattice")  # of extended XYZ; they say nothing of a molecule
_PLAIN = "species:S:1:pos:R:3"
# Names of columns as ASE, QUIP and OVITO write them.
_MEANT = {
    **dict.fromkeys(("symbols", "symbol", "element", "elements", "z", "numbers", "atomic_numbers"), "species"),
    **dict.fromkeys(("positions", "position"), "pos"),
}
_PAIR = re.compile(r"(?<!\S)(\w[^\s=\"]*)=(\"[^\"]*\"|\S+)")
# A total charge in free text: `charge: -1`, `Total charge = 0`, `charge 1`.
_CHARGE = re.compile(
    r"""(?i)(?<![\w-])((?:total )?charge)["']?"""
    r"""(?:\s*:\s*(?=[+-]?[.\d])|\s*=\s*["']?|\s+(?=[+-]?\d+(?!\S)))([^\s"',;}]*)"""
)


def read_xyz(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """Numbered frames as molecules without bonds and charges; `key=value` in the comment become properties.

    Bonds are assigned by `moldiff.chem.bond_assignment` or `moldiff.chem.bond_perception`. An element and three
    coordinates begin a line; in extended XYZ they stand in the columns that `Properties` names. Other columns are
    passed over, and so are lines between frames (`moldiff.io.frames`). A total charge becomes the property `charge`.

    A broken frame is a `Failure` in its place; a file that does not begin with an atom count is a `FileFormatError`.
    """
    label = printable(Path(path).name)
    for count, frame in enumerate(read_frames(path), start=1):
        result = frame.fault or _molecule(frame.comment, frame.lines)
        if isinstance(result, Failure):
            result = Failure(result.reason, f"{label}, frame {count}: {result.detail}")
        yield count, result


def xyz_text(molecule: Molecule) -> str:
    """One frame: the number of atoms, a comment `name key=value ...`, one line per atom.

    A name or property that does not fit the comment line is an `OutputError`.
    """
    words = [molecule.name]
    for key, value in molecule.properties.items():
        text = str(value)
        if re.search(r"[\s=\"]", key) or re.search(r"[\n\r\"]", text):
            raise OutputError(
                f"molecule {molecule.name!r}: property {key!r} with value {text!r:.60} does not fit an XYZ comment"
            )
        words.append(f'{key}="{text}"' if re.search(r"\s", text) or not text else f"{key}={text}")
    if len(molecule.name.splitlines()) > 1:
        raise OutputError(f"molecule {molecule.name!r}: an XYZ comment is one line; rename it")
    atoms = [
        f"{_TABLE.GetElementSymbol(element):<2} {x:13.6f} {y:13.6f} {z:13.6f}"
        for element, (x, y, z) in zip(molecule.elements.tolist(), molecule.pos.tolist(), strict=True)
    ]
    return "\n".join([str(len(molecule)), " ".join(words).strip(), *atoms]) + "\n"


def _molecule(comment: str, lines: list[str]) -> Molecule | Failure:
    pairs = {key: value.strip('"') for key, value in _PAIR.findall(comment)}
    name = " ".join(_PAIR.sub("", comment).split())
    columns = _columns(next((value for key, value in pairs.items() if key.lower() == "properties"), _PLAIN))
    atoms = columns if isinstance(columns, Failure) else _atoms(lines, *columns)
    if isinstance(atoms, Failure):
        return atoms
    elements, pos = atoms
    properties = {key: number_or_text(value) for key, value in pairs.items() if key.lower() not in _EXTENDED}
    if "T" in pairs.get("pbc", "").upper():
        return Failure("periodic", "is periodic (pbc); molecules only")
    properties = with_one_charge({**properties, **dict(_CHARGE.findall(name))})
    if isinstance(properties, Failure):
        return properties
    return Molecule(
        elements=elements,
        charges=np.zeros(len(lines), dtype=np.int64),
        pos=pos,
        bond=np.zeros((len(lines), len(lines)), dtype=np.int64),
        name=name,
        properties=properties,
    )


def _columns(text: str) -> tuple[int, int] | Failure:
    """First columns of the element and of the coordinates, by `Properties=name:type:width:...`."""
    fields, places, start = text.split(":"), {}, 0
    for name, width in zip(fields[::3], fields[2::3], strict=False):
        if not is_count(width):
            return Failure("unreadable", f"Properties={text[:80]!r} is not name:type:number of columns, repeated")
        places.setdefault(_MEANT.get(name.lower(), name), (start, int(width)))
        start += int(width)
    element, pos = places.get("species"), places.get("pos")
    if len(fields) % 3 or element is None or pos is None or element[1] != 1 or pos[1] != 3:
        return Failure("unreadable", f"Properties={text[:80]!r} names no column `species:S:1` or no `pos:R:3`")
    return element[0], pos[0]


def _atoms(lines: list[str], first: int, second: int) -> tuple[np.ndarray, np.ndarray] | Failure:
    """Atomic numbers and coordinates in Å, from the columns where they begin."""
    elements = np.zeros(len(lines), dtype=np.int64)
    pos = np.zeros((len(lines), 3))
    where = "begin with" if first == 0 else f"have in column {first + 1}"
    for i, line in enumerate(lines):
        fields = line.split()
        element = _element(fields[first]) if len(fields) > first else None
        if element is None:
            return Failure("element", f"atom {i + 1}: {line.strip()[:60]!r} does not {where} an element")
        try:
            x, y, z = map(number, fields[second : second + 3])
        except ValueError:
            place = "after the element" if (first, second) == (0, 1) else f"from column {second + 1}"
            return Failure("coordinates", f"atom {i + 1}: {line.strip()[:60]!r} has no three coordinates {place}")
        elements[i], pos[i] = element, (x, y, z)
    usable = (np.abs(pos) <= MAX_COORDINATE).all(1)
    if not usable.all():
        i = int(np.argmin(usable))
        return Failure(
            "coordinates", f"atom {i + 1}: {lines[i].strip()[:60]!r}; expected numbers within ±{MAX_COORDINATE:g} Å"
        )
    if len(lines) > 2 and [line.split()[first] for line in lines] == [str(i + 1) for i in range(len(lines))]:
        return Failure("element", "its atoms begin with 1, 2, 3: numbers of the atoms, not of elements; leave them out")
    return elements, pos


def _element(text: str) -> int | None:
    """Atomic number of a symbol, in any case, or of a number."""
    if text.isdecimal():
        return int(text) if len(text) < 4 and 0 < int(text) < 119 else None
    return ATOMIC_NUMBERS.get(text.capitalize())
