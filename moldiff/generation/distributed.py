"""Sampling in several processes or machines: Lightning starts them, torch.distributed gathers the samples.

The first process requests; each samples its part of every round, and the first gathers them. The molecules are the same
as from one process, for each depends on nothing but the seed and its index.
"""

import signal
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from threading import Event
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import distributed
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from moldiff import errors
from moldiff.diffusion.denoiser import NetworkFactory
from moldiff.errors import MoldiffError, WorkerError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.runtime.interrupt import Interrupt
from moldiff.runtime.lightning_logging import quiet_lightning
from moldiff.runtime.memory import keep_memory
from moldiff.runtime.strategy import sampling_strategy

ROUND = 1024  # molecules of each process between two gatherings; of fewer, batches of one size would be small
quiet_lightning()  # here, so that it holds in the processes that Lightning starts before our own code runs in them
Task = Callable[[Any, "DistributedGenerator"], int]


class DistributedGenerator:
    """The generator of the first of several processes; its samples come from all of them.

    Args:
        generator: of this process.
    """

    def __init__(self, generator: MoleculeGenerator) -> None:
        self.generator, self.bundle = generator, generator.bundle
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()

    def stream(
        self, num_samples: int, *, options: SamplingOptions = DEFAULT_OPTIONS, **request: Any
    ) -> Iterator[Sample]:
        """Samples in the order of their index.

        Args:
            num_samples: how many.
            options: as of `MoleculeGenerator.stream`; `on_step` is called after each evaluation here, as if all
                processes were as far, and may raise KeyboardInterrupt.
            **request: other arguments of `MoleculeGenerator.stream`.

        Yields:
            Sample: in order.

        Raises:
            KeyboardInterrupt: if a process was interrupted, after what is done.
        """
        first, on_step = options.first, options.on_step
        request["options"] = options.model_copy(update={"on_step": None, "first": 0})

        def step(count: int) -> None:
            if on_step is not None:
                on_step(count * self.world)

        for start in range(first, first + num_samples, ROUND * self.world):
            count = min(ROUND * self.world, first + num_samples - start)
            distributed.broadcast_object_list([(start, count, request)], 0)
            parts = self._round(start, count, request, step)
            yield from chain.from_iterable(samples for samples, _ in parts)
            if any(interrupted for _, interrupted in parts):
                raise KeyboardInterrupt

    def serve(self) -> None:
        """In the other processes: samples what the first requests, until it is done."""
        received: list[Any] = [None]
        stop = Event()  # Ctrl-C reaches all: each stops where it is, and the first says when it is over
        signal.signal(signal.SIGINT, lambda *_: stop.set())

        def step(count: int) -> None:
            if stop.is_set():
                raise KeyboardInterrupt

        while distributed.broadcast_object_list(received, 0) or received[0] is not None:
            start, count, request = received[0]
            self._round(start, count, request, step)
        self._part()

    def close(self) -> None:
        """In the first process: ends the others."""
        distributed.broadcast_object_list([None], 0)
        self._part()

    def _part(self) -> None:
        """Ends the threads of torch.distributed, which else may end their process with an abort."""
        distributed.barrier()
        distributed.destroy_process_group()

    def _round(
        self, start: int, count: int, request: dict[str, Any], on_step: Callable[[int], None]
    ) -> list[tuple[list[Sample], bool]]:
        """Samples the part of this process; the first gets those of all, and whether each was interrupted."""
        share = -(-count // self.world)
        begin, end = (start + min(share * rank, count) for rank in (self.rank, self.rank + 1))
        own, interrupted = [], False
        options = request["options"].model_copy(update={"first": begin, "on_step": on_step})
        try:
            for sample in self.generator.stream(end - begin, **{**request, "options": options}):
                own.append(sample)
        except KeyboardInterrupt:
            interrupted = True
        parts: list[Any] = [None] * self.world
        distributed.gather_object((own, interrupted), parts if self.rank == 0 else None)
        return parts


def run_distributed(
    task: Task,
    order: Any,
    *,
    weights: str,
    devices: int,
    num_nodes: int,
    num_threads: int,
    device: str,
    precision: str,
    hint: str,
    network: NetworkFactory | None = None,
) -> int:
    """Carries out a task in the first of several processes, which all sample for it.

    Args:
        task: a function of a module; gets the order, and the generator that all share.
        order: plain values.
        weights: of the generators.
        devices: processes on this machine.
        num_nodes: machines.
        num_threads: of a process on the CPU.
        device: cpu or cuda.
        precision: to compute in.
        hint: what the user should know when a process dies.
        network: class of the generators' network, where it is from outside this package.

    Returns:
        What the task returned; 0 on the other machines.

    Raises:
        WorkerError: if a process died.
        MoldiffError: of the task, as it was raised.
    """
    fabric = Fabric(accelerator=device, devices=devices, num_nodes=num_nodes, strategy=sampling_strategy(num_nodes))
    try:
        with Interrupt():  # where others sample, Ctrl-C is theirs to handle
            kind, result = fabric.launch(partial(_share, task, order, (weights, network), num_threads, precision))
    except ProcessExitedException as error:
        raise WorkerError(f"{hint}; process {error.error_index} of {devices} died: {error}") from error
    except ProcessRaisedException as error:
        last = str(error).strip().splitlines()[-1]
        raise WorkerError(f"{hint}; process {error.error_index} of {devices} ended: {last}") from error
    if kind:
        raise getattr(errors, kind)(result)
    return result


def _share(
    task: Task, order: Any, weights: tuple[str, NetworkFactory | None], num_threads: int, precision: str, fabric: Fabric
) -> tuple[str, Any]:
    """One process from begin to end: the kind of an error with its message, or nothing and the result."""
    keep_memory()
    warnings.simplefilter("ignore")  # who started us has warned
    torch.set_num_threads(num_threads)
    generator = MoleculeGenerator.from_pretrained(
        weights[0], device=fabric.device, precision=precision, network=weights[1]
    )
    shared = DistributedGenerator(generator)
    if shared.rank:
        shared.serve()
        return "", 0
    try:
        return "", task(order, shared)
    except MoldiffError as error:
        return type(error).__name__, str(error)
    finally:
        shared.close()
