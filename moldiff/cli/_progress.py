"""Progress of sampling in the terminal, and its exit codes."""

from moldiff.runtime.progress import Progress, terminal_of_errors

FEWER, INTERRUPTED = 3, 130  # exit codes: fewer molecules were written than asked for; stopped by Ctrl-C


def drawing_progress() -> Progress:
    """Counts evaluations of the network, a molecule each."""
    return Progress("drawing", total=0, unit="evaluations", console=terminal_of_errors())
