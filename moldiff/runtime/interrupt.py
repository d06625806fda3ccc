"""Ctrl-C as a request instead of an exception, so that work ends where nothing is half done."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """While it is open, the first Ctrl-C only sets `requested`; the second raises KeyboardInterrupt as usual.

    A context manager; outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
