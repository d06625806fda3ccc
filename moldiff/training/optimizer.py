"""The optimiser: Muon for the large hidden matrices, AdamW for everything else, behind one interface."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, distributed, nn

from moldiff.training.batches import share_of_work

LEAST_SIDE = 32  # of a matrix whose update is worth orthogonalising; heads and embeddings are left to AdamW


class MuonWithAdamW(torch.optim.Optimizer):
    """Two of torch's optimisers with one list of parameter groups, so that one schedule drives both.

    Processes that train together share the matrices out: each orthogonalises some, and hands the result round.

    Args:
        named_parameters: of the model; Muon takes matrices of at least 32 rows and columns that embed nothing.
        lr: learning rate of both; Muon's steps are scaled to the size of AdamW's.
        weight_decay: of all matrices.

    Source: Jordan et al. 2024 (Muon); Liu et al. 2025, arXiv:2502.16982, for the scaling of the steps.
    """

    def __init__(self, named_parameters: Iterable[tuple[str, nn.Parameter]], *, lr: float, weight_decay: float) -> None:
        hidden, matrices, vectors = [], [], []
        for name, parameter in named_parameters:
            is_hidden = parameter.ndim == 2 and min(parameter.shape) >= LEAST_SIDE and "embed" not in name
            (hidden if is_hidden else matrices if parameter.ndim >= 2 else vectors).append(parameter)
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.parts: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.99), fused=True)
        }
        if hidden:
            self.parts["muon"] = torch.optim.Muon(
                hidden, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
            )
        super().__init__([group for part in self.parts.values() for group in part.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.parts["adamw"].step()
        if "muon" in self.parts:
            self._step_of_muon(*share_of_work())
        return loss

    def _step_of_muon(self, rank: int, world: int) -> None:
        """A step of which each process does its part; the momentum of every matrix is kept by all."""
        muon = self.parts["muon"]
        (group,) = muon.param_groups
        moved = [matrix for matrix in group["params"] if matrix.grad is not None]
        owned = shared_out(moved, world)
        others = [matrix for owner, matrices in enumerate(owned) if owner != rank for matrix in matrices]
        if others:
            momenta = [muon.state[m].setdefault("momentum_buffer", torch.zeros_like(m)) for m in others]
            torch._foreach_lerp_(momenta, [m.grad for m in others], 1 - group["momentum"])  # pyright: ignore
        for matrix in others:
            matrix.grad = None  # what has none is passed over
        muon.step()
        for owner, matrices in enumerate(owned if world > 1 else ()):
            if not matrices:  # fewer than processes
                continue
            flat = torch.cat([matrix.flatten() for matrix in matrices])
            distributed.broadcast(flat, owner)
            for matrix, part in zip(matrices, flat.split([matrix.numel() for matrix in matrices]), strict=True):
                matrix.copy_(part.view_as(matrix))

    def state_dict(self) -> dict[str, Any]:
        """The state of both, by name."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]


def shared_out(matrices: list[Tensor], count: int) -> list[list[Tensor]]:
    """So many lists of about equal cost, the largest matrices first; the iteration takes rows² x columns products."""
    lists: list[list[Tensor]] = [[] for _ in range(count)]
    costs = [0] * count
    for matrix in sorted(matrices, key=lambda m: -m.numel() * min(m.shape)):
        least = costs.index(min(costs))
        lists[least].append(matrix)
        costs[least] += matrix.numel() * min(matrix.shape)
    return lists
