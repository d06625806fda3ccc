"""What a run has reached, for tests that compare two."""

from pathlib import Path

import torch

from moldiff.training.trainer import CHECKPOINT, read_checkpoint


def state(run: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(run / CHECKPOINT)["state_dict"]


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    assert one.keys() == two.keys()
    return all(torch.equal(one[name], two[name]) for name in one)
