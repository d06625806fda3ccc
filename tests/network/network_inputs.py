"""Networks with random weights far from zero, in float64, and batches to try them on."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from moldiff.network.blocks import Widths
from moldiff.network.model import EquivariantNetwork
from moldiff.state import BOND_CLASSES, Prediction, State, Times

ATOM_CLASSES = 5


@dataclass(frozen=True)
class Inputs:
    """All arguments of the network."""

    state: State
    t: Times
    guess: Tensor
    error: Tensor
    previous: Prediction | None

    def mapped(self, move: Callable[[Tensor], Tensor]) -> "Inputs":
        """All coordinates moved."""
        previous = self.previous and replace(self.previous, pos=move(self.previous.pos))
        state = self.state.replace(pos=move(self.state.pos))
        return replace(self, state=state, guess=move(self.guess), previous=previous)

    def rows(self, index: Tensor) -> "Inputs":
        """Some molecules of the batch."""
        return self._each(lambda x, _: x[index])

    def permuted(self, order: Tensor) -> "Inputs":
        """Atoms in another order."""
        return self._each(lambda x, pair: x[:, order][:, :, order] if pair else x[:, order])

    def padded(self, n: int, fill: float) -> "Inputs":
        """More slots, the floating values in them set to `fill`."""

        def pad(x: Tensor, pair: bool) -> Tensor:
            shape = list(x.shape)
            shape[1:3] = [n, n] if pair else [n, *shape[2:3]]
            out = torch.full(shape, fill, dtype=x.dtype) if x.is_floating_point() else torch.zeros(shape, dtype=x.dtype)
            out[(slice(None), *(slice(k) for k in x.shape[1 : 3 if pair else 2]))] = x
            return out

        return self._each(pad)

    def _each(self, do: Callable[[Tensor, bool], Tensor]) -> "Inputs":
        s, t, p = self.state, self.t, self.previous
        return Inputs(
            State(do(s.pos, False), do(s.atom, False), do(s.bond, True), do(s.mask, False)),
            Times(do(t.pos, False), do(t.atom, False), do(t.bond, True)),
            do(self.guess, False),
            do(self.error, False),
            p and Prediction(do(p.pos, False), do(p.atom, False), do(p.bond, True)),
        )


def symmetric(values: Tensor) -> Tensor:
    """Upper triangle copied to the lower one."""
    upper = values.movedim((1, 2), (-2, -1)).triu(1)
    return (upper + upper.transpose(-2, -1)).movedim((-2, -1), (1, 2))


def make_inputs(sizes: list[int], *, seed: int = 0, conditioned: bool = True) -> Inputs:
    """Random molecules with a time of its own for every element."""
    generator = torch.Generator().manual_seed(seed)
    b, n = len(sizes), max(sizes)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    mask = torch.arange(n) < torch.tensor(sizes)[:, None]
    pos = 1.5 * normal(b, n, 3) * mask[..., None]
    bond = symmetric((uniform(b, n, n) * BOND_CLASSES).long()) * (mask[:, None] & mask[:, :, None])
    state = State(pos, (uniform(b, n) * ATOM_CLASSES).long() * mask, bond, mask)
    previous = Prediction(
        pos + 0.5 * normal(b, n, 3), normal(b, n, ATOM_CLASSES), symmetric(normal(b, n, n, BOND_CLASSES))
    )
    t = Times(uniform(b, n), uniform(b, n), symmetric(uniform(b, n, n)))
    return Inputs(state, t, 0.8 * pos, 1.0 + uniform(b, n), previous if conditioned else None)


def make_network(lmax: int, kind: type[EquivariantNetwork] = EquivariantNetwork) -> EquivariantNetwork:
    """A small network whose every parameter was moved away from its start."""
    torch.manual_seed(lmax)
    widths = Widths(atom=16, vector=4, pair=6, hidden=8, heads=2, lmax=lmax)
    network = kind(
        atom_classes=ATOM_CLASSES,
        atom_inputs=ATOM_CLASSES,
        bond_inputs=BOND_CLASSES,
        num_blocks=2,
        widths=widths,
        scale=1.4,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network
