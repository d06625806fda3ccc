"""Progress of sampling in the terminal, and its exit codes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moldiff.runtime.progress import Progress

FEWER, INTERRUPTED = 3, 130  # exit codes: fewer molecules were written than requested; stopped by Ctrl-C


def sampling_progress() -> "Progress":
    """Counts network evaluations, one for each molecule and step."""
    from moldiff.runtime.progress import Progress, terminal_of_errors

    return Progress("sampling", total=0, unit="network evaluations", console=terminal_of_errors())
