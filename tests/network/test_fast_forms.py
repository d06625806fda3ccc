"""What is written for speed agrees with the same thing written plainly, or with e3nn."""

import pytest
import torch
from e3nn import o3

from moldiff.network.blocks import Block, Widths
from moldiff.network.pairs import Pairs, pair_layer
from moldiff.network.tensor_products import ChannelMix, Products

TOLERANCE = 1e-9


def pair_layer_arguments() -> tuple:
    torch.manual_seed(0)
    inner, outer = torch.nn.Linear(4, 3, bias=False), torch.nn.Linear(3, 5)
    features, atoms, carried = torch.randn(6, 2, 4), torch.randn(4, 2, 3), torch.randn(6, 2, 2)
    return features, atoms, carried, inner, outer, Pairs.of(4, device=torch.device("cpu"))


def test_pair_layer_agrees_with_autograd():
    """Values and all gradients against the same thing written plainly, on ordered pairs."""
    features, atoms, carried, inner, outer, pairs = pair_layer_arguments()
    inputs = [values.requires_grad_() for values in (features, atoms, carried)]
    leaves = [*inputs, *inner.parameters(), *outer.parameters()]
    hidden = torch.nn.functional.silu(inner(features) + atoms[pairs.first] + atoms[pairs.second])
    sums = torch.zeros_like(atoms).index_add(0, pairs.first, hidden).index_add(0, pairs.second, hidden)
    plain = (carried + outer(hidden)[..., :2], outer(hidden)[..., 2:], sums)
    fast = pair_layer([features[..., :1], features[..., 1:]], atoms, carried, inner, outer, pairs)
    weights = [torch.randn_like(values) for values in plain]
    for a, b in zip(plain, fast, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=TOLERANCE)
    expected = torch.autograd.grad(plain, leaves, weights)
    for a, b in zip(expected, torch.autograd.grad(fast, leaves, weights), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=TOLERANCE)
        assert a.abs().max() > 0.01


def test_channel_mix_is_the_linear_map_of_e3nn():
    """The same weights, channels last here and first there; e3nn divides by the root of the channels."""
    mix = ChannelMix([4, 4], 6)
    linear = o3.Linear(o3.Irreps("4x1o + 4x2e"), o3.Irreps("6x1o + 6x2e"))
    with torch.no_grad():
        linear.weight.copy_(torch.cat([2 * m.weight.T.flatten() for m in mix.maps]))
    vectors = (torch.randn(3, 2, 3, 4), torch.randn(3, 2, 5, 4))
    flat = linear(torch.cat([v.mT.flatten(2) for v in vectors], -1)).split([18, 30], -1)
    for ours, theirs, m in zip(mix(vectors), flat, (3, 5), strict=True):
        torch.testing.assert_close(ours, theirs.unflatten(-1, (6, m)).mT, rtol=0, atol=TOLERANCE)


def test_spread_is_the_sum_over_senders():
    """Gate x offset x strength, written plainly, head by head."""
    block = Block(Widths(atom=16, vector=4, pair=6, hidden=8, heads=2, lmax=1))
    pos, gate, strength = torch.randn(5, 3, 3), torch.randn(3, 2, 5, 5), torch.randn(5, 3, 4)
    offsets = pos[None] - pos[:, None]  # [receiver sender b 3]
    gates = gate.permute(2, 3, 0, 1).repeat_interleave(2, -1)  # [receiver sender b c]
    plain = torch.einsum("ijbm,ijbc,jbc->ibmc", offsets, gates, strength)
    (fast,) = block._spread(pos, [gate], (strength,))
    torch.testing.assert_close(fast, plain, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("lmax", "highest"), [(2, 1), (2, 2), (3, 3)])
def test_products_agree_with_those_of_e3nn(lmax: int, highest: int):
    products = Products(4, lmax, highest=highest).double()
    irreps = o3.Irreps([(4, (degree, (-1) ** degree)) for degree in range(1, lmax + 1)])
    out = o3.Irreps([(4, (k, (-1) ** k)) for *_, k in products.paths])
    instructions = [(i - 1, j - 1, place, "uuu", False) for place, (i, j, _) in enumerate(products.paths)]
    reference = o3.TensorProduct(irreps, irreps, out, instructions).double()
    one, two = (
        tuple(torch.randn(5, 3, 2 * degree + 1, 4, dtype=torch.float64) for degree in range(1, lmax + 1))
        for _ in range(2)
    )
    flat = reference(*(torch.cat([v.mT.flatten(2) for v in vectors], -1) for vectors in (one, two)))
    parts = flat.split([4 * (2 * k + 1) for *_, k in products.paths], -1)
    terms = [
        torch.cat(
            [p.unflatten(-1, (4, -1)).mT for p, (*_, of) in zip(parts, products.paths, strict=True) if of == k], -1
        )
        for k in range(1, highest + 1)
    ]
    for ours, theirs in zip(products(one, two), products.combine(tuple(terms)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)  # constants are float32
        assert ours.abs().mean() > 0.1
