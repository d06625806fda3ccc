"""Results of checks, kept in a file as they come, so that a run that was stopped goes on where it was."""

import hashlib
import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

import numpy as np

import moldiff
from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import DataError, OutputError

CheckFigures = Mapping[str, float | bool]
_BEGIN = b'{"key": "'  # of a line
_NOT_KEPT = ("timeout", "crashed")  # they may come out otherwise the next time
_PACKAGES = ("rdkit", "posebusters", "tblite", "ase")


class CheckFile:
    """A line of JSON for each molecule and check; a context manager.

    Args:
        path: of the file, new or of an earlier run. A last line that is not whole is left out.

    Raises:
        DataError: if it is another file.
        OutputError: if it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._versions = _versions()
        self._made: dict[str, CheckFigures | Failure] = {}

    def __enter__(self) -> "CheckFile":
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
            *lines, rest = content.split(b"\n")
            if rest and not (rest.startswith(_BEGIN) or _BEGIN.startswith(rest)):
                raise DataError(f"{self.path}: no results of checks; name another file")
            for number, line in enumerate(lines, start=1):
                self._made.update([self._read(number, line)])
            with self.path.open("ab") as stream:
                stream.truncate(len(content) - len(rest))  # a last line that is not whole
            self._stream = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def find(self, name: str, molecule: Molecule) -> CheckFigures | Failure | None:
        """The result of a check on a molecule, by the packages that are installed now; None if there is none."""
        return self._made.get(self._key(name, molecule))

    def add(self, name: str, molecule: Molecule, result: CheckFigures | Failure) -> None:
        """Keeps one, unless it hangs on the clock."""
        if isinstance(result, Failure) and result.reason in _NOT_KEPT:
            return
        key = self._key(name, molecule)
        self._made[key] = result
        figures = {"failure": [result.reason, result.detail]} if isinstance(result, Failure) else dict(result)
        try:
            self._stream.write(json.dumps({"key": key, "check": name, **figures}) + "\n")
            self._stream.flush()
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _key(self, name: str, molecule: Molecule) -> str:
        parts = (molecule.elements, molecule.charges, molecule.bond, np.round(molecule.pos, 6) + 0.0)
        content = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
        return hashlib.blake2b(f"{name} {self._versions}".encode() + content, digest_size=16).hexdigest()

    def _read(self, number: int, line: bytes) -> tuple[str, CheckFigures | Failure]:
        try:
            entry = json.loads(line)
            key, _ = str(entry.pop("key")), entry.pop("check")
            if "failure" in entry:
                reason, detail = entry["failure"]
                return key, Failure(str(reason), str(detail))
            if all(isinstance(value, bool) or math.isfinite(value) for value in entry.values()):
                return key, entry
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise DataError(f"{self.path}, line {number}: no result of a check; name another file")


def _versions() -> str:
    found = [f"moldiff {moldiff.__version__}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except ModuleNotFoundError:  # PackageNotFoundError is one
            continue
    return ", ".join(found)
