"""Processes that work together can be reached from their own machine only."""

import itertools
import os
import sys
from pathlib import Path

import psutil
import pytest
import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy
from torch import distributed

from moldiff.runtime.strategy import sampling_strategy, training_strategy


def listening(fabric: Fabric) -> tuple[list[str], float]:
    """Addresses that the process listens at, whoever is asked, and a sum over all."""
    own = [c.laddr.ip for c in psutil.Process(os.getpid()).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    total = torch.tensor(float(fabric.global_rank + 1))
    distributed.all_reduce(total)
    parts: list[list[str]] = [[] for _ in range(fabric.world_size)]
    distributed.all_gather_object(parts, own)
    return list(itertools.chain(*parts)), float(total)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux shows")
def test_processes_listen_to_their_own_machine():
    fabric = Fabric(accelerator="cpu", devices=2, strategy=sampling_strategy(num_nodes=1))
    addresses, total = fabric.launch(listening)
    assert total == 3.0
    assert addresses
    assert set(addresses) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux shows")
def test_law_of_the_loopback_catches_the_meeting_point_of_torch():
    addresses, _ = Fabric(accelerator="cpu", devices=1, strategy=DDPStrategy(start_method="spawn")).launch(listening)
    assert {"::", "0.0.0.0"} & set(addresses)


def test_each_call_has_a_meeting_point_that_nobody_else_can_read():
    one, two = training_strategy(1), training_strategy(1)
    assert one.meeting != two.meeting
    assert Path(one.meeting).parent.stat().st_mode & 0o077 == 0
    assert type(training_strategy(2)) is not type(one)  # machines meet where MASTER_ADDR says
