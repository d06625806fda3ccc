"""Vector features of atoms and the algebra on them.

They are one tensor for each degree l >= 1, components before channels, `[n b m c]` with m = 2 l + 1 in the order and of
the parity of e3nn's spherical harmonics: then a map of the channels is one plain matrix product.
"""

import torch
from e3nn import o3
from jaxtyping import Float
from torch import Tensor, nn

Vectors = tuple[Float[Tensor, "n b _ _"], ...]


def normalised(vectors: Vectors) -> Vectors:
    """Each degree divided by the root mean square length of its channels: equivariant, keeps directions."""
    return tuple(v * (v.square().sum((2, 3), keepdim=True) / v.shape[3] + 1e-2).rsqrt() for v in vectors)


class ChannelMix(nn.Module):
    """For each degree a linear map of the channels: `o3.Linear` for channels that come last.

    Args:
        inputs: channels of each degree that come in.
        outputs: channels of each degree that go out.
    """

    def __init__(self, inputs: list[int], outputs: int) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(count, outputs, bias=False) for count in inputs)
        for count, linear in zip(inputs, self.maps, strict=True):
            nn.init.normal_(linear.weight, std=count**-0.5)  # pyright: ignore[reportArgumentType]

    def forward(self, vectors: Vectors) -> Vectors:
        """The mixed channels."""
        return tuple(linear(v) for linear, v in zip(self.maps, vectors, strict=True))


class SolidHarmonics(nn.Module):
    """Harmonic polynomials of l = 1 to lmax, up to a factor for each l: each is (1o x the one before), coupled to l."""

    def __init__(self, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax
        for degree in range(2, lmax + 1):
            self.register_buffer(f"coupling_{degree}", coupling(degree - 1, 1, degree).flatten(0, 1), persistent=False)

    def forward(self, offsets: Float[Tensor, "b 3 n n"]) -> list[Float[Tensor, "b _ n n"]]:
        """The polynomials, l by l."""
        parts = [offsets]
        for degree in range(2, self.lmax + 1):
            outer = (parts[-1][:, :, None] * offsets[:, None]).flatten(1, 2)
            parts.append(torch.einsum("bpij,pm->bmij", outer, getattr(self, f"coupling_{degree}").to(outer.dtype)))
        return parts


class Products(nn.Module):
    """Clebsch-Gordan products of vectors, channel by channel, mixed to as many channels as there were.

    Args:
        channels: of each degree.
        lmax: highest l that comes in.
        highest: l that is made.
    """

    def __init__(self, channels: int, lmax: int, *, highest: int) -> None:
        super().__init__()
        made, come = range(1, highest + 1), range(1, lmax + 1)
        paths = [(i, j, k) for k in made for i in come for j in come if i <= j and abs(i - j) <= k <= i + j]
        self.paths = [(i, j, k) for i, j, k in paths if (i + j + k) % 2 == 0]  # of the parity of k
        for i, j, k in self.paths:
            self.register_buffer(f"coupling_{i}_{j}_{k}", coupling(i, j, k), persistent=False)
        self.combine = ChannelMix([channels * sum(k == degree for *_, k in self.paths) for degree in made], channels)

    def forward(self, first: Vectors, second: Vectors) -> Vectors:
        """A term for each degree that is made."""
        terms: dict[int, list[Tensor]] = {}
        for i, j, k in self.paths:
            outer = first[i - 1][:, :, :, None] * second[j - 1][:, :, None]
            constants = getattr(self, f"coupling_{i}_{j}_{k}").to(outer.dtype)
            terms.setdefault(k, []).append(torch.einsum("nbijc,ijk->nbkc", outer, constants))
        return self.combine(tuple(torch.cat(of, -1) for of in terms.values()))


def coupling(one: int, two: int, degree: int) -> Float[Tensor, "i j k"]:
    """Clebsch-Gordan coefficients of e3nn, in its normalisation by component; real numbers whatever is built on."""
    with torch.device("cpu"):
        return o3.wigner_3j(one, two, degree) * (2 * degree + 1) ** 0.5
