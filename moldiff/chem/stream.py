"""Text files line by line, plain or gzipped, with the common mishaps told in one line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from moldiff.errors import DataError, FileFormatError


def text_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file without their ends; `.gz` is unpacked on the way.

    A file that cannot be opened or read is a `DataError`; one that is empty, binary, or named `.gz` without being gzip
    a `FileFormatError`, and so is, after its last whole line, a gzip stream that is cut (with `EOFError` as the cause).
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    blank = True
    try:
        with opener(path, "rt", encoding="utf-8", errors="backslashreplace", newline=None) as stream:
            for line in stream:
                if "\0" in line:
                    raise FileFormatError(f"{path}: is binary, expected a text file of molecules")
                blank = blank and not line.strip()
                yield line.rstrip("\n")
    except EOFError as error:
        raise FileFormatError(f"{path}: the gzip stream ends early; fetch or write the file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path}: is not the gzip file that its name says ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if blank:
        raise FileFormatError(f"{path}: is empty; expected a file of molecules")


def bare_suffix(path: str | Path) -> str:
    """The extension in lower case, looked up below a `.gz`: `.sdf` for `a.SDF.gz`."""
    path = Path(path)
    return (Path(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()
