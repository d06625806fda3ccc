"""Atoms whose bonds fit their class: classes and bonds are favoured that agree while they are still open.

The class of an atom and each of its bonds are sampled from distributions of their own. Where two bonds are double with
a probability of one half each, because one of them is, every second draw has none or both: a radical, or a valence too
many. The sum of an atom's bond orders has a distribution too, which follows from those of its bonds.
"""

import itertools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Complex, Float, Int
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.sampling.inpainting import with_known
from moldiff.state import Prediction, State, Times

NUM_ROUNDS = 2  # of belief propagation; more change nothing
LEAST_LIKELY = 1e-4  # where an agreement is as good as impossible, the prediction stays as it is
_TINY = 1e-12  # in the place of 0 where a factor is divided out again


@dataclass(frozen=True, eq=False)
class ValenceConstrained:
    """A denoiser whose atom classes fit their bonds.

    Loopy belief propagation: the probability of a class is multiplied by that of the bonds that it may have, and that
    of an order by the probability, at both ends, of the classes and the other bonds that go with it; of these other
    bonds, what their other ends say counts, too.

    Attributes:
        denoiser: whose predictions are moved.
        allowed: for each class whether an atom may have so many aromatic bonds and so large a sum of the other orders,
            beside the hydrogens that are folded into it; its size is even. What lies beyond the table is as good as
            impossible, and is counted wrong: a sum of orders as an aromatic bond, these from 0 again.
        strength: power of those probabilities; 1 is belief propagation.
        start: time, as of `is_late`.

    Source: Pearl 1988, Probabilistic Reasoning in Intelligent Systems.
    """

    denoiser: Denoiser
    allowed: Bool[Tensor, "k aromatic orders"]
    strength: float
    start: float

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """See `Denoiser`."""
        x0_hat = self.denoiser(state, t, previous)
        late = is_late(t, self.start)
        if not bool(late.any()):
            return x0_hat
        atom, bond = x0_hat.atom.float(), x0_hat.bond.float()
        with torch.autocast(atom.device.type, enabled=False):
            of_class, of_order = agreement(
                with_known(atom.softmax(-1), state.atom, t.atom == 0),
                with_known(bond.softmax(-1), state.bond, t.bond == 0),
                self.allowed,
                state.mask,
            )
        strength = self.strength * late[:, None, None]
        atom = atom + strength * of_class.clamp_min(LEAST_LIKELY).log()
        bond = bond + strength[..., None] * of_order.clamp_min(LEAST_LIKELY).log()
        return replace(x0_hat, atom=atom, bond=bond)


def is_late(t: Times, start: float) -> Bool[Tensor, "b"]:
    """Molecules of which all that is sampled is at that time or later, nearer to the data."""
    latest = torch.stack([t.pos.amax(1), t.atom.amax(1), t.bond.flatten(1).amax(1), t.latent.amax(1)]).amax(0)
    return latest <= start


def agreement(
    atom: Float[Tensor, "b n k"],
    bond: Float[Tensor, "b n n c"],
    allowed: Bool[Tensor, "k aromatic orders"],
    mask: Bool[Tensor, "b n"],
    *,
    num_rounds: int = NUM_ROUNDS,
) -> tuple[Float[Tensor, "b n k"], Float[Tensor, "b n n c"]]:
    """How likely the rest of a molecule agrees with each class of an atom and with each order of a bond.

    Sums of independent numbers are products of characteristic functions; dividing one factor out leaves the others.

    Args:
        atom: probabilities of the classes.
        bond: probabilities of the orders, symmetric.
        allowed: as of `ValenceConstrained`.
        mask: atoms that are there.
        num_rounds: of messages from atoms to their bonds; with none, only classes agree, with the bonds as they are.

    Returns:
        Probabilities; those of an order are the product of both ends'.
    """
    n, orders = bond.shape[2:]
    aromatic, most = allowed.shape[1:]
    codes = torch.tensor([0, 1, 2, 3, most][:orders], device=mask.device)  # an aromatic bond counts in a second digit
    places = torch.arange(aromatic * most, device=mask.device)
    half = torch.arange(aromatic * most // 2 + 1, device=mask.device)  # the rest is its conjugate
    share = torch.where((half == 0) | (half == half[-1]), 1.0, 2.0) / len(places)
    to_frequency, from_frequency = _turns(codes, half, len(places)), _turns(places, half, len(places)).conj() * share
    wanted = allowed.flatten(1).to(from_frequency.dtype) @ from_frequency
    there = (mask[:, :, None] & mask[:, None] & ~torch.eye(n, dtype=torch.bool, device=mask.device))[..., None]

    by_atom, at_end = _product(atom, wanted), torch.ones_like(bond)
    for number in itertools.count():
        arriving = bond * at_end.transpose(1, 2).clamp_min(LEAST_LIKELY)  # with what the other end says of a bond
        each = _product(arriving / arriving.sum(-1, keepdim=True), to_frequency)
        each = torch.where(there, each + torch.where(each.abs() < _TINY, _TINY, 0.0), 1.0)
        whole = _product_over_bonds(each)
        if number == num_rounds:
            break
        at_end = _real_product((whole * by_atom)[:, :, None] / each, to_frequency).clamp_min(0)
    of_class = _real_product(whole, wanted).clamp_min(0)
    return of_class, torch.where(there, at_end * at_end.transpose(1, 2), 1.0)


def _product_over_bonds(factors: Complex[Tensor, "b n n m"]) -> Complex[Tensor, "b n m"]:
    """The product over the third axis, in halves; torch's own takes several times as long."""
    while factors.shape[2] > 1:
        odd = factors[:, :, -1:] if factors.shape[2] % 2 else None
        factors = factors[:, :, 0:-1:2] * factors[:, :, 1::2]
        factors = factors if odd is None else torch.cat([factors, odd], 2)
    return factors[:, :, 0]


def _turns(numbers: Int[Tensor, "c"], frequencies: Int[Tensor, "m"], period: int) -> Complex[Tensor, "c m"]:
    angles = (numbers[:, None] * frequencies % period).double() * (2 * torch.pi / period)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def _product(real: Float[Tensor, "*e k"], factor: Complex[Tensor, "k m"]) -> Complex[Tensor, "*e m"]:
    """A real times a complex matrix."""
    flat = torch.view_as_real(factor).flatten(1)
    return torch.view_as_complex((real @ flat).unflatten(-1, (-1, 2)))


def _real_product(values: Complex[Tensor, "*e m"], factor: Complex[Tensor, "k m"]) -> Float[Tensor, "*e k"]:
    """The real part of a complex matrix times the transpose of another."""
    flat = torch.view_as_real(factor.conj().resolve_conj()).flatten(1)
    return torch.view_as_real(values).flatten(-2) @ flat.T
