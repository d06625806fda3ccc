"""All that the command line writes to a terminal goes through here."""

import errno
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from moldiff.runtime.plain_text import plain

if TYPE_CHECKING:
    from rich.console import RenderableType


def say(line: str) -> None:
    """One line on standard output."""
    print(plain(line), flush=True)


def tell(line: str) -> None:
    """One line on standard error."""
    print(f"moldiff: {plain(line)}", file=sys.stderr, flush=True)


def show_table(what: "RenderableType") -> None:
    """A table on standard output; strings in it are no markup."""
    from rich.console import Console

    Console(markup=False, emoji=False, highlight=False).print(what)


def show_json(value: Any) -> None:
    """Indented, in ASCII."""
    print(json.dumps(value, indent=2), flush=True)


class _Stream(io.RawIOBase):
    """A standard stream that takes all that comes when nothing can be written any more, and remembers why.

    Args:
        number: of the descriptor; None if it was closed from the start.
    """

    def __init__(self, number: int | None) -> None:
        self.number, self.refused = number, None if number is not None else errno.EBADF
        self.lost = False

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """As of the system."""
        if self.number is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.number is not None and os.isatty(self.number)

    def write(self, data: Any) -> int | None:
        """Bytes written, or lost."""
        if self.number is not None and self.refused is None:
            try:
                return os.write(self.number, data)
            except BlockingIOError:
                return None
            except OSError as error:
                self.refused = error.errno
        self.lost = True
        return len(data)


def protect() -> None:
    """From here on a full disk, a closed stream or a reader that left ends no work; `code_after` says it at the end.

    Characters that the encoding of a stream does not have are spelt out. Streams that are not the system's own, as in
    tests and notebooks, stay as they are.
    """
    for number in (0, 1, 2):  # a file opened later would take the number of a closed stream, and its output
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            raw, encoding, lines = _Stream(None), "utf-8", True
        elif isinstance(_raw(stream), io.FileIO):
            stream.flush()
            raw, encoding = _Stream(stream.fileno()), stream.encoding
            lines = stream.line_buffering or stream.write_through or name == "stderr"
        else:
            continue
        buffer = io.BufferedWriter(raw)
        setattr(sys, name, io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=lines))


def code_after(code: int) -> int:
    """The exit code at the end: 1 in place of 0, and a line, if what was said did not arrive.

    A reader that had enough, as of `| head`, is no error.
    """
    sys.stdout.flush()
    raw = _raw(sys.stdout)
    if not isinstance(raw, _Stream) or not raw.lost or raw.refused in (None, errno.EPIPE):
        return code
    tell(f"standard output cannot be written: {os.strerror(raw.refused)}; files named by options are whole")
    return code or 1


def _raw(stream: Any) -> Any:
    """Below the text and the buffer, of which the latter is missing after `python -u`."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)
