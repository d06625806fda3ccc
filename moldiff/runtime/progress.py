"""How far long work is: a bar with the time left on a terminal, elsewhere a plain line now and then."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from moldiff.runtime.plain_text import outside_text, plain

FIRST, EVERY, SHARE = 10.0, 30.0, 0.05  # seconds to the first line; between two, or this share of the time so far


def terminal_of_errors() -> Console:
    """Standard error, terminal or not; text is shown as it is."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False)


class Progress:
    """Work that counts up; a context manager. Short work without a terminal says nothing.

    Args:
        what: is done.
        total: to count to; None if that is not known.
        unit: of the count.
        console: where it is shown; None for silence.
        transient: a bar is gone at the end.
        clock: seconds.
    """

    def __init__(
        self,
        what: str,
        *,
        total: int | None = None,
        unit: str = "",
        console: Console | None,
        transient: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total, self.unit, self.note = plain(what), total, unit, ""
        self.done = self.done_at_start = 0
        self._console, self._clock, self._lock = console, clock, Lock()
        self._started = clock()
        self._next, self._has_written = self._started + FIRST, False
        self._bar = None
        if console is not None and console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[count]}", markup=False),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=console,
                transient=transient,
            )
            self._task = self._bar.add_task(self.what, total=total, count="")

    def __enter__(self) -> "Progress":
        self._started = self._clock()
        self._next = self._started + FIRST
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._has_written:
            self._line()

    def begin(self, what: str, *, total: int | None, done: int = 0) -> None:
        """What comes now.

        Args:
            what: is done.
            total: to count to; None if that is not known.
            done: before, which does not count in the rate.
        """
        self.what, self.total, self.done, self.done_at_start = plain(what), total, done, done
        self.advance(0)

    def expect(self, count: int) -> None:
        """So many more are to be counted."""
        self.total = (self.total or 0) + count

    def advance(self, count: int = 1, *, note: str | None = None) -> None:
        """So many more are done; may be called from several threads.

        Args:
            count: more.
            note: to show beside, from now on.
        """
        with self._lock:
            self.done += count
            if self.total is not None:
                self.total = max(self.total, self.done)
            self.note = self.note if note is None else plain(note)
            if self._bar is not None:
                self._bar.update(
                    self._task, description=self.what, total=self.total, completed=self.done, count=self._count()
                )
            elif (now := self._clock()) >= self._next and count:
                self._next = now + max(EVERY, SHARE * (now - self._started))
                self._has_written = True
                self._line()

    def tell(self, line: str) -> None:
        """A line on the same console, above the bar where there is one."""
        if self._console is not None:
            self._console.print(outside_text(line), soft_wrap=True)

    def _rate(self) -> float:
        """Per second."""
        return (self.done - self.done_at_start) / max(self._clock() - self._started, 1e-9)

    def _count(self) -> str:
        of = "?" if self.total is None else f"{self.total:,}"
        rate = self._rate()
        speed = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
        return ", ".join(filter(None, [f"{self.done:,}/{of} {self.unit}".rstrip(), speed, self.note]))

    def _line(self) -> None:
        gone, rate = self._clock() - self._started, self._rate()
        parts = [self._count(), f"{_time(gone)} gone"]
        if self.total is not None and rate > 0 and self.done < self.total:
            parts.append(f"{_time((self.total - self.done) / rate)} left")
        self.tell(f"{self.what}: {', '.join(parts)}")


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
