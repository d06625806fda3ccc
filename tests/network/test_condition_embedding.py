"""Labels reach every prediction, and a network without labels predicts as one that has none."""

from dataclasses import replace

import pytest
import torch
from network_inputs import ATOM_CLASSES, make_inputs
from torch import Tensor

from moldiff.network.blocks import Widths
from moldiff.network.condition_embedding import LabelFeatures
from moldiff.network.equivariance import NetworkInputs
from moldiff.network.model import EquivariantNetwork
from moldiff.state import BOND_CLASSES, Prediction

LABELS = torch.tensor([[0.3, 1.0], [torch.nan, 2.0], [-1.2, torch.nan]], dtype=torch.float64)


@pytest.fixture
def network() -> EquivariantNetwork:
    torch.manual_seed(0)
    made = EquivariantNetwork(
        atom_classes=ATOM_CLASSES,
        atom_inputs=ATOM_CLASSES,
        bond_inputs=BOND_CLASSES,
        num_blocks=2,
        widths=Widths(atom=16, vector=4, pair=6, hidden=8, heads=2, lmax=1),
        scale=1.4,
        label_classes=[0, 3],
    )
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def predicted(network: EquivariantNetwork, inputs: NetworkInputs, labels: Tensor | None) -> Prediction:
    with torch.no_grad():
        return network(inputs.state.replace(labels=labels), inputs.t, inputs.guess, inputs.error, inputs.previous)


def far(one: Prediction, two: Prediction) -> Tensor:
    """Largest difference for each molecule, least over the three parts."""
    pairs = ((one.pos, two.pos), (one.atom, two.atom), (one.bond, two.bond))
    return torch.stack([(a - b).flatten(1).nan_to_num().abs().amax(1) for a, b in pairs]).amin(0)


def test_each_label_reaches_every_part_of_the_prediction(network: EquivariantNetwork):
    inputs = make_inputs([5, 4, 3])
    base = predicted(network, inputs, LABELS)
    for row, place, value in ((0, 0, 0.5), (1, 1, 0.0), (2, 1, 1.0), (0, 0, torch.nan)):
        other = LABELS.clone()
        other[row, place] = value
        moved = far(base, predicted(network, inputs, other))
        assert moved[row] > 1e-3
        assert moved.sum() == pytest.approx(float(moved[row]), abs=1e-9)  # and of no other molecule


def test_labels_that_are_all_nan_are_none_at_all(network: EquivariantNetwork):
    inputs = make_inputs([5, 4, 3])
    nothing = predicted(network, inputs, torch.full((3, 2), torch.nan))
    assert far(nothing, predicted(network, inputs, None)).max() == 0


def test_fresh_network_ignores_labels():
    torch.manual_seed(0)
    options = {"atom_classes": ATOM_CLASSES, "atom_inputs": ATOM_CLASSES, "bond_inputs": BOND_CLASSES}
    widths = Widths(atom=16, vector=4, pair=6, hidden=8, heads=2, lmax=1)
    fresh = EquivariantNetwork(**options, num_blocks=1, widths=widths, scale=1.4, label_classes=[0, 3])
    inputs = make_inputs([5, 4, 3])
    assert far(predicted(fresh, inputs, LABELS), predicted(fresh, inputs, None)).max() == 0


def test_features_tell_zero_from_nothing():
    features = LabelFeatures([0, 3])
    like = torch.zeros(2, 1)
    rows = features(torch.tensor([[0.0, 0.0], [torch.nan, torch.nan]]), like=like)
    assert rows.shape == (2, features.width)
    assert rows[0].abs().sum() > 0
    assert rows[1].abs().sum() == 0


def test_labels_do_not_break_equivariance(network: EquivariantNetwork):
    inputs = make_inputs([5, 4, 3])
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    turned = predicted(network, inputs.mapped(lambda x: x @ turn), LABELS)
    base = predicted(network, inputs, LABELS)
    assert far(turned, replace(base, pos=base.pos @ turn)).max() < 1e-9
