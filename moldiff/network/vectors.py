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
            coupling = o3.wigner_3j(degree - 1, 1, degree) * (2 * degree + 1) ** 0.5
            self.register_buffer(f"coupling_{degree}", coupling.flatten(0, 1), persistent=False)

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
        irreps = o3.Irreps([(channels, (degree, (-1) ** degree)) for degree in range(1, lmax + 1)])  # pyright: ignore
        paths = [(i, j, ir) for i, (_, a) in enumerate(irreps) for j, (_, b) in enumerate(irreps) for ir in a * b]
        paths = [(i, j, ir) for i, j, ir in paths if i <= j and ir in irreps[:highest]]
        paths.sort(key=lambda path: path[2].l)
        out = o3.Irreps([(channels, ir) for *_, ir in paths])
        instructions = [(i, j, k, "uuu", False) for k, (i, j, _) in enumerate(paths)]
        self.product = o3.TensorProduct(irreps, irreps, out, instructions)
        self.counts = [sum(ir.l == degree for *_, ir in paths) for degree in range(1, highest + 1)]
        self.combine = ChannelMix([channels * count for count in self.counts], channels)

    def forward(self, first: Vectors, second: Vectors) -> Vectors:
        """A term for each degree that is made."""
        product = self.product(
            *(torch.cat([widened(v).mT.flatten(2) for v in vectors], -1) for vectors in (first, second))
        )
        sizes = [count * v.shape[2] * v.shape[3] for count, v in zip(self.counts, first, strict=False)]
        parts = zip(product.split(sizes, -1), first, strict=False)
        return self.combine(tuple(part.unflatten(-1, (-1, v.shape[2])).mT for part, v in parts))


def widened(values: Tensor) -> Tensor:
    """In float32 where they came in bf16: e3nn's products want no less."""
    return values.float() if values.dtype == torch.bfloat16 else values
