"""Laws of a network, for whoever writes one: what moves with its input, and what does not change."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.state import BOND_CLASSES, Prediction, State, Times

Move = Callable[[Tensor], Tensor]  # of coordinates
PERTURBATION = 0.3  # added to every parameter: a layer that starts at zero would hide a broken law


@dataclass(frozen=True)
class NetworkInputs:
    """All arguments of a network.

    Attributes:
        state: noisy molecules.
        t: time of each element.
        guess: the best linear estimate of the clean coordinates, Å.
        error: its expected error, Å.
        previous: the last prediction.
    """

    state: State
    t: Times
    guess: Float[Tensor, "b n 3"]
    error: Float[Tensor, "b n"]
    previous: Prediction | None

    def mapped(self, move: Move) -> "NetworkInputs":
        """All coordinates moved, and latents with them."""
        p, s = self.previous, self.state
        previous = p and replace(p, pos=move(p.pos), latent=move_latents(move, p.latent))
        state = s.replace(pos=move(s.pos), latent=move_latents(move, s.latent))
        return replace(self, state=state, guess=move(self.guess), previous=previous)

    def permuted(self, order: Tensor) -> "NetworkInputs":
        """Atoms in another order."""
        return self.each(lambda x, pair: x[:, order][:, :, order] if pair else x[:, order])

    def each(self, do: Callable[[Tensor, bool], Tensor]) -> "NetworkInputs":
        """Every tensor changed; `do` gets the tensor, and whether it is one of pairs."""
        s, t, p = self.state, self.t, self.previous
        return NetworkInputs(
            State(
                *(do(s.pos, False), do(s.atom, False), do(s.bond, True), do(s.mask, False)), latent=do(s.latent, False)
            ),
            Times(do(t.pos, False), do(t.atom, False), do(t.bond, True), do(t.latent, False)),
            do(self.guess, False),
            do(self.error, False),
            p and Prediction(do(p.pos, False), do(p.atom, False), do(p.bond, True), do(p.latent, False)),
        )


def random_inputs(
    sizes: Sequence[int],
    *,
    atom_classes: int,
    seed: int = 0,
    self_conditioned: bool = True,
    latent_vectors: int = 0,
    bond_classes: int = BOND_CLASSES,
) -> NetworkInputs:
    """Random molecules in float64, with a time of its own for every element.

    Args:
        sizes: atoms of each molecule.
        atom_classes: number of atom classes.
        seed: of the numbers.
        self_conditioned: with a previous prediction.
        latent_vectors: in the latent of an atom.
        bond_classes: number of bond classes.

    Returns:
        The inputs.
    """
    generator = torch.Generator().manual_seed(seed)
    b, n = len(sizes), max(sizes)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    mask = torch.arange(n) < torch.tensor(sizes)[:, None]
    pos = 1.5 * normal(b, n, 3) * mask[..., None]
    bond = _symmetric((uniform(b, n, n) * bond_classes).long()) * (mask[:, None] & mask[:, :, None])
    atom = (uniform(b, n) * atom_classes).long() * mask
    moved, logits = pos + 0.5 * normal(b, n, 3), normal(b, n, atom_classes)
    of_bonds = _symmetric(normal(b, n, n, bond_classes))
    of_pos, of_atoms, of_pairs = uniform(b, n), uniform(b, n), _symmetric(uniform(b, n, n))
    latent, last = (normal(b, n, 3 * latent_vectors) * mask[..., None] for _ in range(2))
    state = State(pos, atom, bond, mask, latent=latent)
    previous = Prediction(moved, logits, of_bonds, last)
    t = Times(of_pos, of_atoms, of_pairs, uniform(b, n) if latent_vectors else of_pos)
    return NetworkInputs(state, t, 0.8 * pos, 1.0 + uniform(b, n), previous if self_conditioned else None)


def rotate(pos: Tensor) -> Tensor:
    """Coordinates turned about the origin."""
    return pos @ _orthogonal(1).to(pos.dtype)


def reflect(pos: Tensor) -> Tensor:
    """Coordinates turned and mirrored."""
    return pos @ _orthogonal(-1).to(pos.dtype)


def translate(pos: Tensor) -> Tensor:
    """Coordinates shifted by 6 Å."""
    return pos + pos.new_tensor([3.0, -2.0, 5.0])


def move_latents(move: Move, latents: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
    """Latents as a motion leaves them: turned with the molecule, but not shifted."""
    vectors = latents.unflatten(-1, (-1, 3)) if latents.shape[-1] else latents.new_zeros(*latents.shape[:2], 0, 3)
    return (move(vectors) - move(torch.zeros_like(vectors))).flatten(-2)


def assert_equivariant(
    network: nn.Module,
    *,
    atom_classes: int,
    sizes: Sequence[int] = (7, 5, 7),
    seed: int = 0,
    tolerance: float = 1e-9,
    latent_vectors: int = 0,
    bond_classes: int = BOND_CLASSES,
) -> None:
    """Checks a network: rotations, reflections, translations and permutations, and that the output is not trivial.

    A copy of the network is checked, in float64, with every parameter moved away from its start.

    Args:
        network: as of `moldiff.diffusion.denoiser.Network`.
        atom_classes: that it was built with.
        sizes: atoms of the molecules to try.
        seed: of these molecules, and of the parameters.
        tolerance: Å, and in logits.
        latent_vectors: that it was built with.
        bond_classes: that it was built with.

    Raises:
        AssertionError: names the law that does not hold.
    """
    network, generator = deepcopy(network).double().eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(PERTURBATION * noise)
    for self_conditioned in (True, False):
        x = random_inputs(
            sizes,
            atom_classes=atom_classes,
            seed=seed,
            self_conditioned=self_conditioned,
            latent_vectors=latent_vectors,
            bond_classes=bond_classes,
        )
        assert_not_trivial(network, x)
        for move in (rotate, reflect, translate):
            assert_moves(network, x, move, tolerance=tolerance)
        assert_permutes(network, x, tolerance=tolerance)


def assert_moves(network: nn.Module, x: NetworkInputs, move: Move, *, tolerance: float = 1e-9) -> None:
    """Moved inputs give moved coordinates and the same logits; an AssertionError if not."""
    plain = predict(network, x)
    moved = replace(plain, pos=move(plain.pos), latent=move_latents(move, plain.latent))
    law = getattr(move, "__name__", "the move")
    _assert_same(predict(network, x.mapped(move)), moved, x, f"{law}: moved inputs", tolerance)


def assert_permutes(network: nn.Module, x: NetworkInputs, *, tolerance: float = 1e-9) -> None:
    """Permuted atoms give a permuted prediction; an AssertionError if not."""
    order = torch.randperm(x.state.mask.shape[1], generator=torch.Generator().manual_seed(5))
    plain, shuffled = predict(network, x), x.permuted(order)
    bond = plain.bond[:, order][:, :, order]
    expected = Prediction(plain.pos[:, order], plain.atom[:, order], bond, plain.latent[:, order])
    _assert_same(predict(network, shuffled), expected, shuffled, "permutation: permuted inputs", tolerance)


def assert_not_trivial(network: nn.Module, x: NetworkInputs) -> None:
    """The prediction moves the estimate and depends on the coordinates.

    Args:
        network: to check.
        x: inputs.

    Raises:
        AssertionError: names what does not change.
    """
    plain, scaled = predict(network, x), predict(network, x.mapped(lambda pos: 1.1 * pos))
    mask, pairs = x.state.mask, x.state.pair_mask
    for name, change in (
        ("coordinate moves", (plain.pos - x.guess)[mask]),
        ("logit of an atom depends on the coordinates", (scaled.atom - plain.atom)[mask]),
        ("logit of a bond depends on the coordinates", (scaled.bond - plain.bond)[pairs]),
        *([("latent is corrected", plain.latent[mask])] if plain.latent.shape[-1] else []),
    ):
        if not bool(change.abs().max() > 1e-6):
            raise AssertionError(f"trivial: no {name}")


def predict(network: nn.Module, x: NetworkInputs) -> Prediction:
    """The prediction, without gradients."""
    with torch.no_grad():
        return network(x.state, x.t, x.guess, x.error, x.previous)


def _assert_same(one: Prediction, other: Prediction, x: NetworkInputs, law: str, tolerance: float) -> None:
    """Equal wherever there is an atom or a pair of atoms."""
    mask, pairs = x.state.mask, x.state.pair_mask
    options: dict[str, Any] = {"rtol": 0, "atol": tolerance, "check_dtype": False}
    for name, kept in (("pos", mask), ("atom", mask), ("latent", mask), ("bond", pairs)):
        torch.testing.assert_close(
            getattr(one, name)[kept],
            getattr(other, name)[kept],
            msg=lambda text, name=name: f"{law} give another {name}: {text}",
            **options,
        )


def _orthogonal(determinant: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return matrix * determinant * torch.linalg.det(matrix).sign()


def _symmetric(values: Tensor) -> Tensor:
    """Upper triangle copied to the lower one."""
    upper = values.movedim((1, 2), (-2, -1)).triu(1)
    return (upper + upper.transpose(-2, -1)).movedim((-2, -1), (1, 2))
