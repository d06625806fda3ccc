"""XYZ, one or many frames: elements and coordinates in Å, no bonds and no charges."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rdkit import Chem

from moldiff.chem.border import number_or_text
from moldiff.chem.molecule import MAX_ATOMS, MAX_COORDINATE, Failure, Molecule
from moldiff.chem.stream import text_lines
from moldiff.chem.vocabulary import ATOMIC_NUMBERS
from moldiff.errors import FileFormatError, OutputError

_TABLE = Chem.GetPeriodicTable()
_EXTENDED = ("Properties", "pbc", "Lattice")  # of extended XYZ; they say nothing of a molecule
_PAIR = re.compile(r"(\w[^\s=\"]*)=(\"[^\"]*\"|\S+)")


def read_xyz(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """Numbered frames as molecules without bonds and charges; `key=value` in the comment become properties.

    Bonds are assigned by `moldiff.chem.assignment` or `moldiff.chem.perception`. Columns after the coordinates are
    ignored, so that extended XYZ is read, too, if elements and coordinates come first.

    A broken frame is a `Failure` in its place; a file that does not begin with an atom count is a `FileFormatError`.
    """
    label, number, lines = Path(path).name, 0, text_lines(path)
    for head in lines:
        word = head.strip()
        if not word:
            continue
        number += 1
        if not re.fullmatch(r"\d{1,9}", word):
            found = f"expected the number of atoms, found {word[:60]!r}"
            if number == 1:
                raise FileFormatError(f"{path}: is no XYZ file: {found}")
            yield number, Failure("unreadable", f"{label}, frame {number}: {found}; what follows cannot be read")
            return
        count = int(word)
        comment, frame = next(lines, None), [line for _, line in zip(range(count), lines, strict=False)]
        if comment is None or len(frame) < count:
            yield (
                number,
                Failure("truncated", f"{label}, frame {number}: the file ends after {len(frame)} of {count} atoms"),
            )
            return
        result = _frame(comment, frame)
        if isinstance(result, Failure):
            result = Failure(result.reason, f"{label}, frame {number}: {result.detail}")
        yield number, result


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


def _frame(comment: str, lines: list[str]) -> Molecule | Failure:
    if not 0 < len(lines) <= MAX_ATOMS:
        return Failure("size", f"has {len(lines)} atoms; 1 to {MAX_ATOMS} are supported")
    elements = np.zeros(len(lines), dtype=np.int64)
    pos = np.zeros((len(lines), 3))
    for i, line in enumerate(lines):
        fields = line.split()
        element = _element(fields[0]) if fields else None
        if element is None:
            return Failure("element", f"atom {i + 1}: {line.strip()[:60]!r} does not begin with an element")
        try:
            x, y, z = map(float, fields[1:4])
        except ValueError:
            return Failure(
                "coordinates", f"atom {i + 1}: {line.strip()[:60]!r} has no three coordinates after the element"
            )
        elements[i], pos[i] = element, (x, y, z)
    usable = (np.abs(pos) <= MAX_COORDINATE).all(1)
    if not usable.all():
        i = int(np.argmin(usable))
        return Failure(
            "coordinates", f"atom {i + 1}: {lines[i].strip()[:60]!r}; expected numbers within ±{MAX_COORDINATE:g} Å"
        )
    properties = {key: number_or_text(value.strip('"')) for key, value in _PAIR.findall(comment)}
    if "T" in str(properties.get("pbc", "")).upper():
        return Failure("periodic", "is periodic (pbc); molecules only")
    for key in _EXTENDED:
        properties.pop(key, None)
    return Molecule(
        elements=elements,
        charges=np.zeros(len(lines), dtype=np.int64),
        pos=pos,
        bond=np.zeros((len(lines), len(lines)), dtype=np.int64),
        name=" ".join(_PAIR.sub("", comment).split()),
        properties=properties,
    )


def _element(text: str) -> int | None:
    """Atomic number of a symbol, in any case, or of a number."""
    if text.isdecimal():
        return int(text) if 0 < int(text) < 119 else None
    return ATOMIC_NUMBERS.get(text.capitalize())
