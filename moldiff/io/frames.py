"""XYZ files cut into frames, whatever stands between them: one frame with a fault costs no other.

A frame is a line with the number of atoms, a comment, and a line for each atom. Programs add lines after the atoms, and
counts are wrong in files that were edited or put together, so that a frame ends where its count says or where, before
that, the next one visibly begins; atoms that no frame claims are a frame of their own, with a fault.
"""

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from moldiff.chem.molecule import MAX_ATOMS, MAX_LINE, MAX_RECORD, Failure
from moldiff.chem.vocabulary import ATOMIC_NUMBERS
from moldiff.errors import FileFormatError
from moldiff.io.text import printable, text_lines

_COUNT = re.compile(r"\s*[0-9]{1,9}\s*")
_EXPONENT = re.compile(r"\*\^|[dD](?=[+-]?[0-9])")
_LOOKED_AT = 1000  # characters of a line that tell whether it is an atom's


class Frame(NamedTuple):
    """The comment and the lines of the atoms, or why they are not those of a whole frame."""

    comment: str
    lines: list[str]
    fault: Failure | None


def read_frames(path: str | Path) -> Iterator[Frame]:
    """All frames in their order; a file that does not begin with a number of atoms is a `FileFormatError`."""
    lines = _Lines(text_lines(path))
    lines.drop_blank()
    first = lines.ahead(0)
    if first is not None and not is_count(first):
        found = f"expected the number of atoms, found {first.strip()[:60]!r}"
        raise FileFormatError(f"{printable(path)}: is no XYZ file: {found}")
    follows = True  # the file begins here, or a frame ended
    while (line := lines.take()) is not None:
        if _begins_frame(line, lines, after_frame=follows):
            yield _frame(int(line.strip()), lines)
            follows = True
        elif lines.is_atom(line):
            count = 1 + lines.drop_atoms()
            yield Frame("", [], Failure("unreadable", f"{count} lines of atoms without their number before them"))
            follows = True
        elif line.strip():
            follows = False


def number(text: str) -> float:
    """A number as programs write it: also Fortran's `2.1D-06` and Mathematica's `2.1*^-6`; else a `ValueError`."""
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    try:
        return float(text)
    except ValueError:
        return float(_EXPONENT.sub("e", text))


def is_count(line: str) -> bool:
    """A line with nothing but a whole number."""
    return _COUNT.fullmatch(line) is not None


def holds_frames(path: str | Path) -> bool:
    """Whether a text begins as an XYZ file does; errors as of `text_lines`."""
    lines = _Lines(text_lines(path))
    lines.drop_blank()
    line = lines.take()
    return line is not None and is_count(line) and _looks_like_head(lines)


class _Lines:
    """Lines, some of which can be looked at before they are taken; `atom` is the latest of an atom in a frame."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.rest, self.waiting, self.atom = lines, deque[str](), ""

    def ahead(self, place: int) -> str | None:
        """The line that many places behind the next, None beyond the end."""
        if place >= len(self.waiting):
            self.waiting.extend(islice(self.rest, place + 1 - len(self.waiting)))
        return self.waiting[place] if place < len(self.waiting) else None

    def take(self) -> str | None:
        line = self.ahead(0)
        if line is not None:
            self.waiting.popleft()
        return line

    def drop_blank(self) -> None:
        while (line := self.ahead(0)) is not None and not line.strip():
            self.waiting.popleft()

    def drop_atoms(self) -> int:
        """Passes over lines of atoms that stand next, and counts them."""
        dropped = 0
        while (line := self.ahead(0)) is not None and self.is_atom(line):
            self.waiting.popleft()
            dropped += 1
        return dropped

    def is_atom(self, line: str) -> bool:
        """Whether this is an atom's line wherever it stands: as any, or as those of the latest frame."""
        return _is_atom(line) or (self.atom != "" and _is_row(line) and _shape(line) == _shape(self.atom))


def _frame(count: int, lines: _Lines) -> Frame:
    """The frame whose number of atoms was taken."""
    comment, kept, size, taken = lines.take(), [], 0, 0
    begun, first = False, lines.ahead(0) or ""
    lines.atom = first if _is_row(first) else lines.atom
    while comment is not None and taken < count and (line := lines.ahead(0)) is not None:
        if is_count(line) and _looks_like_head(lines, 1):
            begun = True
            break
        lines.take()
        taken, size = taken + 1, size + len(line)
        if count <= MAX_ATOMS and size <= MAX_RECORD:
            kept.append(line)
    more = lines.drop_atoms() if taken == count else 0
    longest = max(map(len, [comment or "", *kept]))
    fault = None
    if not 0 < count <= MAX_ATOMS:
        fault = Failure("size", f"has {count} atoms; 1 to {MAX_ATOMS} are supported")
    elif longest > MAX_LINE or size > MAX_RECORD:
        fault = Failure("size", f"has a line of more than {MAX_LINE:,} characters, or {MAX_RECORD:,} in all")
    elif begun:
        fault = Failure("unreadable", f"says {count} atoms, but the next frame begins after {taken}")
    elif taken < count:
        fault = Failure("truncated", f"the file ends after {taken} of {count} atoms")
    elif more:
        fault = Failure("unreadable", f"says {count} atoms, but lines of {count + more} follow")
    return Frame(comment or "", kept, fault)


def _begins_frame(line: str, lines: _Lines, *, after_frame: bool) -> bool:
    """A count right after a frame is believed unless the next line is a better one; elsewhere atoms must follow it."""
    if not is_count(line):
        return False
    if _looks_like_head(lines):
        return True
    following = lines.ahead(0) or ""
    return after_frame and not (is_count(following) and _looks_like_head(lines, 1))


def _looks_like_head(lines: _Lines, place: int = 0) -> bool:
    """Whether a comment and an atom stand at this place ahead, behind a count; the first atom may be garbled."""
    comment, first, second = (lines.ahead(place + i) or "" for i in range(3))
    if lines.is_atom(comment):
        return False
    return _is_row(first) or (_is_row(second) and not is_count(comment))


def _is_row(line: str) -> bool:
    """At least four words, three of them numbers: an atom's line if a frame begins before it."""
    words = line[:_LOOKED_AT].split()
    return len(words) > 3 and sum(map(_is_number, words)) > 2


def _is_atom(line: str) -> bool:
    """A symbol of an element beside three numbers: an atom's line wherever it stands; prose and tables are not."""
    words = line[:_LOOKED_AT].split()
    place = next((i for i, word in enumerate(words[:4]) if not _is_number(word)), 4)
    if len(words) < 4 or place == 4 or words[place].capitalize() not in ATOMIC_NUMBERS:
        return False
    return place == 3 or (len(words) > place + 3 and all(map(_is_number, words[place + 1 : place + 4])))


def _shape(line: str) -> tuple[bool, ...]:
    """Which words are numbers, and whether the first is a whole one."""
    words = line[:_LOOKED_AT].split()
    return words[0].isdecimal(), *map(_is_number, words)


def _is_number(word: str) -> bool:
    try:
        number(word)
    except ValueError:
        return False
    return True
