"""How long a training would take here, by doing a little of it."""

import itertools
import time
from collections.abc import Iterable

from moldiff.state import State
from moldiff.training.module import DiffusionModule

TRIAL, WARM = 8, 2  # steps, and those before them that do not count


def molecules_per_second(module: DiffusionModule, batches: Iterable[State]) -> float:
    """Of a few training steps in this process, with what its threads and the machine's other work leave.

    Args:
        module: to train; its weights change.
        batches: as the run would see them.

    Returns:
        The rate, without the processes that a run could share its steps among.
    """
    optimizer = module.configure_optimizers()["optimizer"]
    seen, start = 0, time.perf_counter()
    for step, batch in enumerate(itertools.islice(batches, WARM + TRIAL)):
        if step == WARM:
            seen, start = 0, time.perf_counter()
        optimizer.zero_grad()
        module.loss(batch, step)[0].backward()
        optimizer.step()
        seen += len(batch.mask)
    return seen / (time.perf_counter() - start)
