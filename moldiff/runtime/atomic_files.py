"""Files and folders that are made by one process at a time, and appear whole.

The locks are the system's: it lets go of them when a process ends, however that is. Where it has none, on Windows and
on some network drives, nothing is locked.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import IO

from moldiff.errors import OutputError

try:
    import fcntl
except ImportError:
    fcntl = None
_NOT_HERE = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def claim(target: Path) -> Iterator[None]:
    """While it is open no other process makes that folder.

    Args:
        target: the folder, which need not be there; the one above it is made. A lock file lies beside it meanwhile, or
            in it where nothing may be written beside it.

    Raises:
        OutputError: if another process is making it, or nothing can be written there.
    """
    target = Path(os.path.abspath(target))
    beside, inside = target.with_name(f".{target.name}.lock"), target / ".lock"
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        lock, descriptor = beside, _lock_file(beside, target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        if error.errno not in _NOT_HERE or not os.path.isdir(target):
            raise OutputError(f"{target}: cannot be written: {error.strerror}") from error
        try:
            lock, descriptor = inside, _lock_file(inside, target)
        except OutputError:
            raise
        except OSError as refused:
            raise OutputError(f"{target}: cannot be written: {refused.strerror}") from refused
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def open_alone(path: Path, *, overwrite: bool) -> IO[str]:
    """A text file to write, emptied only once nobody else is writing it.

    Args:
        path: of the file.
        overwrite: take one that is there.

    Returns:
        The file, UTF-8; an `OSError` of the system if that is not possible.

    Raises:
        OutputError: if another process is writing it.
    """

    def opener(name: str, flags: int) -> int:
        with ExitStack() as undo:
            descriptor = os.open(name, flags & ~os.O_TRUNC, 0o666)
            undo.callback(os.close, descriptor)
            _lock(descriptor, path)
            if S_ISREG(os.fstat(descriptor).st_mode):
                os.ftruncate(descriptor, 0)
            undo.pop_all()
        return descriptor

    return open(path, "w" if overwrite else "x", encoding="utf-8", newline="\n", opener=opener)


def write_whole(path: Path, text: str) -> None:
    """Writes a file beside its place and renames it, so that a reader finds the old one or the new one.

    Args:
        path: of the file; errors are those of the system.
        text: its content.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _lock_file(lock: Path, target: Path) -> int:
    """Descriptor of a lock file, which nobody removed between opening and locking it."""
    while True:
        with ExitStack() as undo:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            undo.callback(os.close, descriptor)
            _lock(descriptor, target)
            if os.path.exists(lock) and os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                undo.pop_all()
                return descriptor


def _lock(descriptor: int, target: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"{target}: another process is writing it; wait until that has ended, or name another"
        ) from error
    except OSError:
        return  # a drive without locks
