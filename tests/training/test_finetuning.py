"""Weights for new data from others: known classes act as before, whatever their order; new ones start unlikely."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from moldiff.build import build_denoiser
from moldiff.config.model import ModelConfig, ProcessConfig
from moldiff.data.statistics import Statistics
from moldiff.pretrained.bundle import Bundle, load_pretrained
from moldiff.state import Prediction, State, Times
from moldiff.training.denoiser.finetuning import transfer


def other(statistics: Statistics, *labels: str) -> Statistics:
    share = 1 / len(labels)
    return replace(statistics, vocabulary=labels, atom_marginals=(share,) * len(labels))


def predicted(denoiser, state: State, previous: Prediction) -> Prediction:
    b, n = state.mask.shape
    t = Times(torch.full((b, n), 0.4), torch.full((b, n), 0.3), torch.full((b, n, n), 0.2))
    with torch.no_grad():
        return denoiser(state, t, previous)


@pytest.fixture(params=["marginal", "absorbing"])
def bundle(request: pytest.FixtureRequest, weights: Path) -> Bundle:
    """The random weights, and such with absorbing noise, whose networks see one class more."""
    bundle = load_pretrained(weights)
    if request.param == "marginal":
        return bundle
    config = ModelConfig(process=ProcessConfig(prior="absorbing"), network=bundle.config.network)
    return replace(bundle, config=config, denoiser=build_denoiser(config, bundle.statistics, seed=5).eval())


def test_known_classes_act_as_before_whatever_their_order(bundle: Bundle):
    labels = bundle.statistics.vocabulary
    turned = tuple(reversed(labels))
    new = transfer(bundle, other(bundle.statistics, *turned, "S", "Cl"))
    generator = torch.Generator().manual_seed(0)
    bond = torch.randint(0, 4, (2, 6, 6), generator=generator).triu(1)
    pos, atom = torch.randn(2, 6, 3, generator=generator), torch.randint(0, len(labels), (2, 6), generator=generator)
    state = State(pos - pos.mean(1, keepdim=True), atom, bond + bond.mT, torch.ones(2, 6, dtype=torch.bool))
    logits = torch.randn(2, 6, len(labels), generator=generator)
    half = torch.randn(2, 6, 6, 4, generator=generator)
    bonds = half + half.transpose(1, 2)
    before = predicted(bundle.denoiser, state, Prediction(pos, logits, bonds))
    unlikely = torch.full((2, 6, 2), -torch.inf)
    seen = state.replace(atom=len(labels) - 1 - atom)
    after = predicted(new, seen, Prediction(pos, torch.cat([logits.flip(-1), unlikely], -1), bonds))
    torch.testing.assert_close(after.pos, before.pos)
    torch.testing.assert_close(after.bond, before.bond)
    torch.testing.assert_close(after.atom[..., : len(labels)].flip(-1), before.atom)


def test_same_classes_give_the_same_weights(bundle: Bundle):
    new = transfer(bundle, bundle.statistics).state_dict()
    assert all(torch.equal(value, new[name]) for name, value in bundle.denoiser.state_dict().items())


def test_new_classes_start_fresh_and_old_ones_may_go(bundle: Bundle):
    new = transfer(bundle, other(bundle.statistics, "Br", "C"))
    assert new.network.atom_head.weight.shape[0] == 2  # type: ignore[union-attr]
    least = bundle.denoiser.network.atom_head.bias.min()  # type: ignore[union-attr]
    assert new.network.atom_head.bias[0] == least  # type: ignore[union-attr]
    unknown = transfer(bundle, other(bundle.statistics, "Br"))
    assert all(bool(torch.isfinite(value).all()) for value in unknown.state_dict().values())
