"""Speed of training, measured before it begins."""

import itertools
import time
from collections.abc import Iterable

import torch

from moldiff.build import build_denoiser
from moldiff.config.training import TrainingConfig
from moldiff.data.representation import represent
from moldiff.data.store.dataset import MoleculeStore
from moldiff.pretrained.foreign import network_of_run
from moldiff.runtime.memory import peak_memory
from moldiff.state import State
from moldiff.training.denoiser.module import DiffusionModule
from moldiff.training.loader import TrainingBatches


def estimate_cost(config: TrainingConfig, store: MoleculeStore) -> tuple[float, float]:
    """What a training would cost here, found by a few of its steps.

    Args:
        config: of the run.
        store: its data.

    Returns:
        Molecules a second of one process, and its memory so far, MiB.
    """
    network = network_of_run(config.model)
    represented = represent(store, config.model)
    denoiser = build_denoiser(config.model, represented.statistics, seed=config.seed, network=network)
    module = DiffusionModule(denoiser, denoiser.process, config)
    batches = TrainingBatches(represented, budget=config.pair_budget, seed=config.seed)
    torch.set_num_threads(config.num_threads or torch.get_num_threads())
    return molecules_per_second(module, batches), peak_memory()


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
