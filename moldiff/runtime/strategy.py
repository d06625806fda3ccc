"""Processes of one machine that work together: they find one another by a file, and nobody else can reach them.

torch's own meeting point listens on every network interface of the machine, and takes what comes there for one of the
processes.
"""

import atexit
import os
import sys
import tempfile
from pathlib import Path

import torch
from lightning.fabric.strategies.ddp import DDPStrategy as FabricStrategy
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


class _OneMachine:
    """Goes before a strategy of Lightning, which finds the processes connected and leaves it at that."""

    meeting: str

    def setup_environment(self) -> None:
        """In each process, before any work."""
        if not distributed.is_initialized():
            device: torch.device = self.root_device  # type: ignore[attr-defined]
            rank: int = self.local_rank  # type: ignore[attr-defined]
            count: int = self.num_processes  # type: ignore[attr-defined]
            for library in ("GLOO", "NCCL"):
                os.environ.setdefault(f"{library}_SOCKET_IFNAME", LOOPBACK)
            if device.type == "cuda":
                torch.cuda.set_device(device)
            distributed.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                rank=rank,
                store=distributed.FileStore(self.meeting, count),  # pyright: ignore[reportPrivateImportUsage]
                world_size=count,
                device_id=device if device.type == "cuda" else None,
            )
            atexit.register(_part)
        super().setup_environment()  # type: ignore[misc]


class _TrainingTogether(_OneMachine, DDPStrategy):
    pass


class _SamplingTogether(_OneMachine, FabricStrategy):
    pass


def training_strategy(num_nodes: int) -> DDPStrategy:
    """For the processes of one machine, or of several, which meet where MASTER_ADDR says.

    Args:
        num_nodes: machines.

    Returns:
        The strategy. Nothing in the buffers changes apart from the count of molecules, which is the same everywhere.
    """
    if num_nodes > 1:
        return DDPStrategy(start_method="spawn", forward_sync_buffers=False)
    strategy = _TrainingTogether(start_method="spawn", forward_sync_buffers=False)
    strategy.meeting = _meeting()
    return strategy


def sampling_strategy(num_nodes: int) -> FabricStrategy:
    """As `training_strategy`, for work without gradients."""
    if num_nodes > 1:
        return FabricStrategy(start_method="spawn")
    strategy = _SamplingTogether(start_method="spawn")
    strategy.meeting = _meeting()
    return strategy


def _meeting() -> str:
    """A file for the processes of one call, in a folder that only this user can read, gone when this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="moldiff-")
    atexit.register(folder.cleanup)
    return str(Path(folder.name) / "meeting")


def _part() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
