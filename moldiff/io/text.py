"""Text files line by line, plain or gzipped, in bounded memory, with the common mishaps said in one line."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from moldiff.chem.molecule import MAX_LINE
from moldiff.errors import DataError, FileFormatError

_GZIP = b"\x1f\x8b"
_PACKERS = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"(\xb5/\xfd": "zstd", b"7z\xbc\xaf": "7z"}
_WIDE = re.compile(rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]|[^\0]\0\0\0", re.DOTALL)  # marks, or NULs between
MOST_PASSED = 100  # pieces of MAX_LINE of one line that are passed over before the file is refused
_BYTE_ORDER_MARK = "\ufeff"  # that of UTF-8; also inside a file, where files were put one behind the other


def text_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file without their ends; what is gzipped, whatever its name, is unpacked on the way.

    A line of more than `MAX_LINE` characters is cut to one more than that, and the rest is passed over piece by piece:
    a few megabytes of gzip may hold gigabytes. What looks at the first lines alone waits for none of this.

    A file that cannot be opened or read is a `DataError`; one that is empty, binary, packed in another way, UTF-16,
    named `.gz` without being gzip, or that has an absurd line is a `FileFormatError`, and so is, after its last whole
    line, a gzip stream that is cut (with `EOFError` as the cause).
    """
    path, label = Path(path), printable(path)
    blank = True
    try:
        with ExitStack() as files:
            raw = _open_binary(path, files)
            text = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline=None)
            while piece := text.readline(MAX_LINE + 2):
                if "\0" in piece:
                    raise FileFormatError(f"{label}: is binary, expected a text file of molecules")
                line = piece.rstrip("\n").removeprefix(_BYTE_ORDER_MARK)[: MAX_LINE + 1]
                blank = blank and not line.strip()
                yield line
                passed = 0
                while len(piece) == MAX_LINE + 2 and not piece.endswith("\n"):
                    piece, passed = text.readline(MAX_LINE + 2), passed + 1
                    if passed > MOST_PASSED:
                        longest = f"{MOST_PASSED * MAX_LINE:,}"
                        raise FileFormatError(
                            f"{label}: has a line of more than {longest} characters; it holds no molecules"
                        )
    except EOFError as error:
        raise FileFormatError(f"{label}: the gzip stream ends early; fetch or write the file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{label}: its gzip stream is damaged ({error}); fetch or write it again") from error
    except OSError as error:
        raise DataError(f"{label}: cannot be read: {error.strerror or error}") from error
    if blank:
        raise FileFormatError(f"{label}: is empty; expected a file of molecules")


def printable(path: str | Path) -> str:
    r"""A file name for messages and tables: bytes that are not UTF-8 as `\xff`, which no terminal refuses."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def bare_suffix(path: str | Path) -> str:
    """The extension in lower case, looked up below a `.gz`: `.sdf` for `a.SDF.gz`."""
    path = Path(path)
    return (Path(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()


def _open_binary(path: Path, files: ExitStack) -> io.BufferedReader | gzip.GzipFile:
    """The bytes of the text, by what the file holds, not by its name."""
    stream = files.enter_context(path.open("rb"))
    head = stream.peek(8)
    if head.startswith(_GZIP):
        stream = files.enter_context(gzip.GzipFile(fileobj=stream))
        head = stream.peek(8)
    elif head and path.suffix.lower() == ".gz":
        raise FileFormatError(
            f"{printable(path)}: is not the gzip file that its name says; rename it or fetch it again"
        )
    packer = "gzip, twice" if head.startswith(_GZIP) else ""
    packer = next((name for mark, name in _PACKERS.items() if head.startswith(mark)), packer)
    if packer:
        raise FileFormatError(f"{printable(path)}: is packed by {packer}; unpack it first, or pack it by gzip, once")
    if _WIDE.match(head):
        raise FileFormatError(f"{printable(path)}: is UTF-16 or UTF-32 text; save it as UTF-8")
    return stream
