"""Predicted properties are invariant, independent of padding and bonds, and start at the regression on composition."""

import pytest
import torch
from network_inputs import ATOM_CLASSES, make_inputs, rows
from torch import Tensor

from moldiff.network.blocks import Widths
from moldiff.network.equivariance import NetworkInputs
from moldiff.network.property_model import PropertyNetwork, counts_of, regress_composition


@pytest.fixture
def network() -> PropertyNetwork:
    torch.manual_seed(0)
    widths = Widths(atom=16, vector=4, pair=6, hidden=8, heads=2, lmax=1)
    made = PropertyNetwork(atom_classes=ATOM_CLASSES, num_targets=3, num_blocks=2, widths=widths, scale=1.4)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        made.composition.normal_()
    return made


def values(network: PropertyNetwork, inputs: NetworkInputs) -> Tensor:
    with torch.no_grad():
        return network(inputs.state)


def close(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, atol=1e-9)


def test_properties_do_not_change_with_motion_mirror_or_order(network: PropertyNetwork):
    inputs = make_inputs([5, 5, 5])
    base = values(network, inputs)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))
    for moved in (inputs.mapped(lambda x: x @ turn + 2.0), inputs.mapped(lambda x: -x)):
        assert close(values(network, moved), base)
    assert close(values(network, inputs.permuted(torch.tensor([3, 1, 4, 0, 2]))), base)
    assert base.std(0).min() > 1e-3


def test_properties_change_with_the_geometry_and_the_atoms(network: PropertyNetwork):
    inputs = make_inputs([5, 5, 5])
    base = values(network, inputs)
    assert (values(network, inputs.mapped(lambda x: 1.1 * x)) - base).abs().min() > 1e-6
    other = inputs.state.replace(atom=(inputs.state.atom + 1) % ATOM_CLASSES)
    assert (network(other) - base).abs().min() > 1e-6


def test_properties_do_not_depend_on_padding_or_bonds(network: PropertyNetwork):
    inputs = make_inputs([5, 4, 3])
    base = values(network, inputs)
    for row, size in enumerate((5, 4, 3)):
        alone = rows(make_inputs([5, 4, 3]), torch.tensor([row]))
        cut = alone.state.replace(
            pos=alone.state.pos[:, :size],
            atom=alone.state.atom[:, :size],
            bond=alone.state.bond[:, :size, :size],
            mask=alone.state.mask[:, :size],
            latent=alone.state.latent[:, :size],
        )
        assert close(network(cut), base[row : row + 1])
    assert close(network(inputs.state.replace(bond=torch.zeros_like(inputs.state.bond))), base)


def test_every_parameter_that_learns_is_reached(network: PropertyNetwork):
    network(make_inputs([5, 4, 3]).state).square().sum().backward()
    idle = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert idle == []


def test_composition_is_fitted_by_least_squares():
    state = make_inputs([6] * 60).state
    counts = counts_of(state, ATOM_CLASSES)
    truth = torch.randn(ATOM_CLASSES + 1, 2, generator=torch.Generator().manual_seed(0))
    y = counts @ truth
    y[::7, 1] = torch.nan
    fitted = regress_composition(counts.float(), y.float(), ridge=1e-6)
    assert torch.allclose(counts.float() @ fitted, counts.float() @ truth.float(), atol=1e-2)
