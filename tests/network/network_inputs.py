"""Networks with random weights far from zero, in float64, and batches to try them on."""

import torch
from torch import Tensor

from moldiff.network.blocks import Widths
from moldiff.network.equivariance import NetworkInputs, random_inputs
from moldiff.network.model import EquivariantNetwork
from moldiff.state import BOND_CLASSES

ATOM_CLASSES = 5


def rows(x: NetworkInputs, index: Tensor) -> NetworkInputs:
    """Some molecules of the batch."""
    return x.each(lambda value, _: value[index])


def padded(x: NetworkInputs, n: int, fill: float) -> NetworkInputs:
    """More slots, the floating values in them set to `fill`."""

    def pad(x: Tensor, pair: bool) -> Tensor:
        shape = list(x.shape)
        shape[1:3] = [n, n] if pair else [n, *shape[2:3]]
        out = torch.full(shape, fill, dtype=x.dtype) if x.is_floating_point() else torch.zeros(shape, dtype=x.dtype)
        out[(slice(None), *(slice(k) for k in x.shape[1 : 3 if pair else 2]))] = x
        return out

    return x.each(pad)


def make_inputs(sizes: list[int], *, seed: int = 0, conditioned: bool = True, latent: bool = False) -> NetworkInputs:
    """Random molecules with a time of its own for every element; `latent` as of `make_network`."""
    return random_inputs(
        sizes,
        atom_classes=ATOM_CLASSES,
        seed=seed,
        self_conditioned=conditioned,
        latent_vectors=int(latent),
        bond_classes=BOND_CLASSES + latent,
    )


def make_network(
    lmax: int, kind: type[EquivariantNetwork] = EquivariantNetwork, *, longest_path: int = 0, latent: bool = False
) -> EquivariantNetwork:
    """A small network whose every parameter was moved away from its start.

    With `latent`, hydrogens are latent, distances between them are read, and aromatic bonds are a class.
    """
    torch.manual_seed(lmax)
    widths = Widths(
        atom=16,
        vector=4,
        pair=6,
        hidden=8,
        heads=2,
        lmax=lmax,
        longest_path=longest_path,
        latent_distances=latent,
    )
    network = kind(
        atom_classes=ATOM_CLASSES,
        atom_inputs=ATOM_CLASSES,
        bond_inputs=BOND_CLASSES + latent,
        bond_classes=BOND_CLASSES + latent,
        num_blocks=2,
        widths=widths,
        scale=1.4,
        latent_vectors=int(latent),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network
