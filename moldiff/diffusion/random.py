"""Where random numbers come from: one stream per sample, or one per batch for training."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@runtime_checkable
class Randomness(Protocol):
    """Draws for a padded batch of b molecules with n slots."""

    def normal(self, n: int, width: int = 3) -> Float[Tensor, "b n d"]:
        """Unit Gaussian vector of so many components for each slot."""
        ...

    def uniform(self, n: int) -> Float[Tensor, "b n"]:
        """A number in [0, 1) for each slot."""
        ...

    def uniform_pairs(self, n: int) -> Float[Tensor, "b n n"]:
        """A number in [0, 1) for each pair, the same in both directions; 0 on the diagonal."""
        ...


def mirror(upper: Tensor) -> Tensor:
    """The symmetric `[b n n]` matrices with this upper triangle and a zero diagonal."""
    strict = upper.triu(1)
    return strict + strict.transpose(1, 2)


class SampleRandomness:
    """One generator per molecule, seeded by (seed, index): a draw depends on neither batch nor padding.

    Args:
        seed: of all.
        indices: of the molecules.
        sizes: their numbers of atoms.
        device: of what is drawn.
        particles: number of each among the particles of its molecule; by default the first.
    """

    def __init__(
        self,
        seed: int,
        indices: Sequence[int],
        sizes: Int[Tensor, "b"],
        *,
        device: torch.device | str = "cpu",
        particles: Sequence[int] | None = None,
    ) -> None:
        self.sizes = sizes.tolist()
        self.device = torch.device(device)
        # stream 1 is that of the sizes
        streams = [0 if number == 0 else number + 1 for number in particles or [0] * len(indices)]
        self.generators = [
            sample_generator(seed, index, stream=stream) for index, stream in zip(indices, streams, strict=True)
        ]

    def _padded(self, shapes: list[tuple[int, ...]], padded: tuple[int, ...], draw) -> Tensor:
        out = torch.zeros(len(shapes), *padded)
        for row, shape, generator in zip(out, shapes, self.generators, strict=True):
            row[tuple(slice(k) for k in shape)] = draw(shape, generator=generator)
        return out.to(self.device)

    def normal(self, n: int, width: int = 3) -> Float[Tensor, "b n d"]:
        """See `Randomness.normal`."""
        return self._padded([(k, width) for k in self.sizes], (n, width), torch.randn)

    def uniform(self, n: int) -> Float[Tensor, "b n"]:
        """See `Randomness.uniform`."""
        return self._padded([(k,) for k in self.sizes], (n,), torch.rand)

    def uniform_pairs(self, n: int) -> Float[Tensor, "b n n"]:
        """See `Randomness.uniform_pairs`."""
        return mirror(self._padded([(k, k) for k in self.sizes], (n, n), torch.rand))


class BatchRandomness:
    """One generator for a whole batch; for training, where molecules need no streams of their own."""

    def __init__(self, generator: torch.Generator, batch_size: int, *, device: torch.device | str = "cpu") -> None:
        self.generator = generator
        self.batch_size = batch_size
        self.device = torch.device(device)

    def normal(self, n: int, width: int = 3) -> Float[Tensor, "b n d"]:
        """See `Randomness.normal`."""
        return torch.randn(self.batch_size, n, width, generator=self.generator).to(self.device)

    def uniform(self, n: int) -> Float[Tensor, "b n"]:
        """See `Randomness.uniform`."""
        return torch.rand(self.batch_size, n, generator=self.generator).to(self.device)

    def uniform_pairs(self, n: int) -> Float[Tensor, "b n n"]:
        """See `Randomness.uniform_pairs`."""
        return mirror(torch.rand(self.batch_size, n, n, generator=self.generator).to(self.device))


def sample_generator(seed: int, index: int, *, stream: int = 0) -> torch.Generator:
    """The generator of one sample, from (seed, index, stream).

    PyTorch's generator on the CPU reads 32 bits of its seed, so hashing all three numbers would give some samples
    of a large run the same draws. Here the index goes through a bijection that seed and stream choose: no two do.
    """
    before, after = (int(key) for key in np.random.SeedSequence((seed, stream)).generate_state(2, np.uint32))
    return torch.Generator().manual_seed(scramble(index ^ before) ^ after)


def scramble(number: int) -> int:
    """A bijection of the 32-bit numbers in which neighbours end up far apart.

    Source: the finaliser of MurmurHash3 (Appleby, public domain).
    """
    number &= 0xFFFFFFFF
    number = (number ^ number >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    number = (number ^ number >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return number ^ number >> 16
