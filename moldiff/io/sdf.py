"""SDF, V2000 and V3000: records as a stream, each a molecule or a named failure, and the text of one record."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from rdkit import Chem, rdBase

from moldiff.chem.molecule import MAX_COORDINATE, MAX_LINE, MAX_RECORD, MAX_RECORD_LINES, Failure, Molecule, oversize
from moldiff.chem.rdkit_conversion import convert, to_rdkit, unusable_record
from moldiff.chem.vocabulary import ATOMIC_NUMBERS
from moldiff.errors import FileFormatError, OutputError
from moldiff.io.text import printable, text_lines

_COUNTS = re.compile(r".*V[23]000\s*$|(?=.{0,2}\d)[ \d]{3}[ \d]{3}( |$)")
_BEGUN = re.compile(r"[ \d]{6}.*V[23]000\s*$")  # a counts line that cannot be text
_TAG = re.compile(r">[^<]*<(.+)>")  # the key may hold < and > itself
_EITHER = re.compile(r"^(?:((?:[ \d]{3}){2}  2)  3|(M  V30 \d+ 2 \d+ \d+) CFG=2)(?=\s|$)", re.MULTILINE)
_END = "$$$$\n"
_SIZES = re.compile(r"M  V30 COUNTS\s+(\d{1,9})\s+(\d{1,9})")


def read_sdf_records(path: str | Path, *, stars: bool = False) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Numbered records, not sanitised, hydrogens as they stand, tags as properties; `stars` lets placeholders pass.

    A broken record is a `Failure` in its place; a file that cannot be read is a `DataError`, one that is empty or no
    SDF at all a `FileFormatError`.
    """
    for number, block, complete in _split(path):
        label = f"{printable(Path(path).name)}, record {number}"
        if not complete:
            detail = "the file ends before this record does, before its `M  END`; write or fetch it again"
            yield number, Failure("truncated", f"{label}: {detail}")
            continue
        result = block.fault or _parse(block.lines, stars)
        yield number, Failure(result.reason, f"{label}: {result.detail}") if isinstance(result, Failure) else result


def read_sdf(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """As `read_sdf_records`, as molecules with Kekulé bonds; hydrogens must be explicit."""
    for number, record in read_sdf_records(path):
        result = record if isinstance(record, Failure) else convert(record)
        if isinstance(result, Failure) and not isinstance(record, Failure):
            result = Failure(result.reason, f"{printable(Path(path).name)}, record {number}: {result.detail}")
        yield number, result


def holds_sdf(path: str | Path) -> bool:
    """Whether the fourth line of a text is a counts line that cannot be anything else; errors as of `text_lines`."""
    return any(_BEGUN.match(line) for line in islice(text_lines(path), 3, 4))


def sdf_text(molecule: Molecule) -> str:
    """One record: bonds, charges, explicit hydrogens, coordinates to 4 decimals, properties as tags, `$$$$`.

    Line breaks in a name, blank lines in a value and absurd charges do not fit, and are an `OutputError`.
    """
    label = f"molecule {molecule.name!r}"
    if len(molecule.name.splitlines()) > 1 or molecule.name.startswith("$$$$"):
        raise OutputError(f"{label}: an SDF title is one line and does not begin with $$$$; rename it")
    tags = []
    for key, value in molecule.properties.items():
        lines = str(value).split("\n")
        if re.search(r"[<\n]", key) or (len(lines) > 1 and not all(map(str.strip, lines))) or "$$$$" in str(value):
            raise OutputError(f"{label}: property {key!r} with value {str(value)!r:.60} does not fit an SDF tag")
        tags.append(f">  <{key}>\n{value}\n\n")
    try:
        with rdBase.BlockLogs():
            block = _without_either(Chem.MolToMolBlock(to_rdkit(molecule), includeStereo=False, kekulize=False))
    except RuntimeError as error:  # RDKit's pre-condition on charges that leave the periodic table, such as H+9
        raise OutputError(f"{label}: RDKit cannot write its charges, {molecule.charges.tolist()}") from error
    return f"{block}{''.join(tags)}$$$$\n"


def _without_either(block: str) -> str:
    """A connection table whose double bonds have the stereo of the coordinates; RDKit marks them as either."""
    return _EITHER.sub(lambda match: f"{match[1]}  0" if match[1] else match[2], block)


def record_text(record: Molecule | Chem.Mol) -> str:
    """A record of a score for looking at, without tags; nothing if it has no coordinates, or RDKit cannot write it."""
    mol = to_rdkit(record) if isinstance(record, Molecule) else record
    if not mol.GetNumConformers():
        return ""
    try:
        with rdBase.BlockLogs():
            block = Chem.MolToMolBlock(mol, includeStereo=False, kekulize=False)
            return f"{_without_either(block) if mol.GetConformer().Is3D() else block}$$$$\n"
    except (RuntimeError, ValueError):
        return ""


def annotated_text(record: Molecule | Chem.Mol, tags: Mapping[str, str], *, replaced: Collection[str] = ()) -> str:
    """As `record_text`, with the record's own tags and more of them.

    Args:
        record: as it stands.
        tags: more of them.
        replaced: names of own tags that are left out, with those of `tags`; a `smiles` among them, which may state the
            stereo of an input, becomes `input_smiles`.

    Returns:
        The text; nothing if the record has no coordinates, or RDKit cannot write it.
    """
    text = record_text(record)
    if not text:
        return ""
    if isinstance(record, Molecule):
        own = {key: str(value) for key, value in record.properties.items()}
    else:
        own = {key: record.GetProp(key) for key in record.GetPropNames() if isinstance(record.GetProp(key), str)}
    if "smiles" in replaced and "smiles" in own:
        own.setdefault("input_smiles", own["smiles"])
    kept = {key: value for key, value in own.items() if key not in replaced} | dict(tags)
    parts = []
    for key, value in kept.items():
        lines = [line for line in value.splitlines() if line.strip() and not line.startswith("$$$$")]
        parts.append(f">  <{key}>\n" + "\n".join(lines) + "\n\n")
    return "".join([text.removesuffix(_END), *parts, _END])


class _Block:
    """The lines of a record as they come, within bounds, and where its connection table ends."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self.lines, self.size, self.end, self.in_tag, self.fault = list[str](), 0, 0, False, None
        for line in lines:
            self.add(line)

    def add(self, line: str) -> None:
        self.size += len(line)
        if len(line) > MAX_LINE or len(self.lines) >= MAX_RECORD_LINES or self.size > MAX_RECORD:
            self.fault = Failure(
                "size",
                f"has a line of more than {MAX_LINE:,} characters, or more than {MAX_RECORD_LINES:,} lines or "
                f"{MAX_RECORD:,} characters in all",
            )
            self.lines = self.lines[:4]  # what tells an SDF from another file
        if self.fault is not None:
            return
        self.lines.append(line)
        if line.startswith("M  END") and not self.end:
            self.end = len(self.lines)
        elif self.end:
            self.in_tag = line.startswith(">") or (self.in_tag and bool(line.strip()))

    def cut(self) -> "_Block | None":
        """Takes off the header of another record, if the line before this showed that one has begun without `$$$$`."""
        begins = len(self.lines) - 4
        whole = self.end and not self.fault and begins >= self.end and _BEGUN.match(self.lines[-1])
        if not whole or self.in_tag or self.lines[begins - 1].startswith(">"):
            return None
        self.lines, rest = self.lines[:begins], self.lines[begins:]
        return _Block(rest)


def _split(path: str | Path) -> Iterator[tuple[int, _Block, bool]]:
    """Record number, lines, and whether the record is whole: `$$$$` ends it, or its connection table has its end."""
    number, block, cut = 1, _Block(), False
    stream = text_lines(path)
    while True:
        try:
            line = next(stream)
        except StopIteration:
            break
        except FileFormatError as error:
            if not isinstance(error.__cause__, EOFError):
                raise
            cut = True
            break
        if line.startswith("$$$$"):
            if number == 1:
                _refuse_foreign(path, block.lines)
            yield number, block, True
            number, block = number + 1, _Block()
            continue
        block.add(line)
        if number == 1 and len(block.lines) == 4:
            _refuse_foreign(path, block.lines)
        following = block.cut()
        if following is not None:
            yield number, block, True
            number, block = number + 1, following
    if number == 1 and not cut:
        _refuse_foreign(path, block.lines)
    if cut or block.fault or any(map(str.strip, block.lines)):
        yield number, block, not cut and (block.end > 0 or block.fault is not None)


def _refuse_foreign(path: str | Path, lines: list[str]) -> None:
    if len(lines) >= 4 and _COUNTS.match(lines[3]):
        return
    first = next((line.strip() for line in lines if line.strip()), "")
    hint = " (a web page: was the download answered by a log-in or error page?)" if first.startswith("<") else ""
    raise FileFormatError(
        f"{printable(path)}: is no SDF: line 4 of the first record should count atoms and bonds; "
        f"the file begins with {first[:60]!r}{hint}"
    )


def _parse(lines: list[str], stars: bool) -> Chem.Mol | Failure:
    end = next((i for i, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None or end < 4:
        return Failure("unreadable", "the connection table has no `M  END`, or no counts line before it")
    sizes = _sizes(lines[:end])
    failure = sizes if isinstance(sizes, Failure) else oversize(*sizes)
    if failure is not None:
        return failure
    try:
        with rdBase.BlockLogs():
            mol = Chem.MolFromMolBlock("\n".join(lines[: end + 1]) + "\n", sanitize=False, removeHs=False)
    except RuntimeError:  # RDKit's own pre-conditions
        mol = None
    if mol is None:
        return _diagnose(lines[: end + 1])
    failure = unusable_record(mol, stars=stars)
    if failure is not None:
        return failure
    key, value = None, []
    for line in [*lines[end + 1 :], ""]:
        tag = _TAG.match(line) if key is None else None
        if tag:
            key, value = tag[1], []
        elif key is not None and line.strip():
            value.append(line)
        elif key is not None:
            mol.SetProp(key, "\n".join(value))
            key = None
    return mol


def _sizes(lines: list[str]) -> tuple[int, int] | Failure:
    """Numbers of atoms and bonds as a connection table states them, 0 where a V2000 counts line is garbled."""
    if "V3000" in lines[3]:
        stated = next((found for line in lines if (found := _SIZES.match(line))), None)
        return (int(stated[1]), int(stated[2])) if stated else Failure("unreadable", "its `M  V30 COUNTS` is missing")
    atoms, bonds = (int(text) if (text := lines[3][i : i + 3].strip()).isdecimal() else 0 for i in (0, 3))
    return atoms, bonds


def _diagnose(lines: list[str]) -> Failure:
    """Why RDKit could not parse a connection table, as far as its atom lines tell."""
    version_3 = "V3000" in lines[3]
    if version_3:
        start = next((i for i, line in enumerate(lines) if line.startswith("M  V30 BEGIN ATOM")), len(lines)) + 1
        stop = next((i for i, line in enumerate(lines) if line.startswith("M  V30 END ATOM")), len(lines))
        fields = [line.split() for line in lines[start:stop]]
        atoms = [(row[3] if len(row) > 3 else "", row[4:7]) for row in fields]
    elif (count := lines[3][:3].strip()).isdecimal():
        atoms = [(line[31:34].strip(), [line[0:10], line[10:20], line[20:30]]) for line in lines[4 : 4 + int(count)]]
    else:
        return Failure("unreadable", f"the counts line {lines[3]!r} is malformed")
    for i, (symbol, coordinates) in enumerate(atoms, start=1):
        if len(coordinates) < 3 or not all(map(_is_coordinate, coordinates)):
            given = " ".join(" ".join(coordinates).split())
            return Failure(
                "coordinates", f"atom {i} has the coordinates {given!r}; expected three numbers, in Å, in their columns"
            )
        if not (symbol in ATOMIC_NUMBERS or symbol in ("D", "T")):
            return Failure("element", f"atom {i} is {symbol!r}, which is no element")
    return Failure(
        "unreadable", "RDKit cannot parse the connection table; compare its counts line with its atom and bond lines"
    )


def _is_coordinate(text: str) -> bool:
    try:
        return abs(float(text)) <= MAX_COORDINATE  # false for NaN
    except ValueError:
        return False
