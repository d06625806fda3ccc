"""The optimiser: Muon for the large hidden matrices, AdamW for everything else, behind one interface."""

from collections.abc import Collection, Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn

from moldiff.runtime.precision import use_bf16
from moldiff.training.loader import share_of_work

LEAST_SIDE = 32  # of a matrix whose update is worth orthogonalising; heads and embeddings are left to AdamW
RMS_OF_ADAMW = 0.2  # of the steps of AdamW, so that both parts take one rate


@runtime_checkable
class Trainable(Protocol):
    """What the optimiser needs of a module beside its parameters."""

    def embeddings(self) -> Collection[str]:
        """Names of the parameters that read inputs."""
        ...


class Muon(torch.optim.Muon):
    """torch's Muon with `match_rms_adamw`, step for step, but in float32 where the hardware does not multiply bf16.

    torch always orthogonalises in bf16, which without such hardware takes many times as long as the rest of a step.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step; a closure is not called."""
        for group in self.param_groups:
            lr, momentum = float(group["lr"]), group["momentum"]
            for matrix in (p for p in group["params"] if p.grad is not None):
                mean = self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - momentum)
                dtype = torch.bfloat16 if use_bf16("auto", matrix.device) else torch.float32
                step = orthogonalise(matrix.grad.lerp(mean, momentum).to(dtype), group["ns_coefficients"])
                matrix.mul_(1 - lr * group["weight_decay"])
                matrix.add_(step, alpha=-lr * RMS_OF_ADAMW * max(matrix.shape) ** 0.5)


def orthogonalise(
    matrix: Float[Tensor, "r c"], coefficients: tuple[float, float, float], *, num_steps: int = 5
) -> Float[Tensor, "r c"]:
    """The matrix with singular values of about 1, by a quintic Newton-Schulz iteration in its own precision.

    Args:
        matrix: any.
        coefficients: of the polynomial in the singular values: first, third and fifth power.
        num_steps: of the iteration.

    Returns:
        The matrix; its singular values lie between 0.7 and 1.2, except those that were next to nothing.

    Source: Jordan et al. 2024 (Muon).
    """
    a, b, c = coefficients
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(num_steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class MuonWithAdamW(torch.optim.Optimizer):
    """Two of torch's optimisers with one list of parameter groups, so that one schedule drives both.

    Processes that train together share the matrices out: each orthogonalises some, and broadcasts the result.

    Args:
        named_parameters: of the model; Muon takes matrices of at least 32 rows and columns that are no embeddings.
        lr: learning rate of both; Muon's steps are scaled to the size of AdamW's.
        weight_decay: of all matrices.
        embeddings: names of the parameters that read inputs, which are left to AdamW.

    Source: Jordan et al. 2024 (Muon); Liu et al. 2025, arXiv:2502.16982, for the scaling of the steps.
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        lr: float,
        weight_decay: float,
        embeddings: Collection[str] = (),
    ) -> None:
        hidden, matrices, vectors = [], [], []
        for name, parameter in named_parameters:
            is_hidden = parameter.ndim == 2 and min(parameter.shape) >= LEAST_SIDE and name not in embeddings
            (hidden if is_hidden else matrices if parameter.ndim >= 2 else vectors).append(parameter)
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.parts: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.99), fused=True)
        }
        if hidden:
            self.parts["muon"] = Muon(hidden, lr=lr, weight_decay=weight_decay)
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
        owned = share_out(moved, world)
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


def share_out(matrices: list[Tensor], count: int) -> list[list[Tensor]]:
    """So many lists of about equal cost, the largest matrices first; the iteration takes rows² x columns products."""
    lists: list[list[Tensor]] = [[] for _ in range(count)]
    costs = [0] * count
    for matrix in sorted(matrices, key=lambda m: -m.numel() * min(m.shape)):
        least = costs.index(min(costs))
        lists[least].append(matrix)
        costs[least] += matrix.numel() * min(matrix.shape)
    return lists
