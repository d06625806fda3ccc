"""Low-rank adapters: nothing at first, little to learn, and ordinary weights at the end."""

import pytest
import torch
from torch import nn

from moldiff.build import build_denoiser
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.state import Prediction, State, Times
from moldiff.training.lora import adapt, merge

MODEL = ModelConfig(network=NetworkConfig(num_blocks=1, atom=64, vector=4, pair=32, hidden=32, heads=2))


@pytest.fixture
def denoiser(store: MoleculeStore) -> NetworkDenoiser:
    return build_denoiser(MODEL, store.statistics)


def predicted(denoiser: NetworkDenoiser, store: MoleculeStore) -> Prediction:
    state: State = store.state(range(4))
    with torch.no_grad():
        return denoiser(state, Times.shared(torch.full((4,), 0.5), state.mask.shape[1]))


def test_adapters_change_nothing_at_first_and_learn_little(denoiser: NetworkDenoiser, store: MoleculeStore):
    before, all_of_it = predicted(denoiser, store), sum(p.numel() for p in denoiser.parameters())
    adapt(denoiser, 4)
    torch.testing.assert_close(predicted(denoiser, store).pos, before.pos)
    learnt = {name: p.numel() for name, p in denoiser.named_parameters() if p.requires_grad}
    assert sum(learnt.values()) < 0.4 * all_of_it
    assert any(name.endswith("parametrizations.weight.0.a") for name in learnt)
    assert "network.embed_atoms.weight" in learnt
    assert "network.atom_head.weight" in learnt


def test_merged_weights_predict_what_the_adapted_ones_did(denoiser: NetworkDenoiser, store: MoleculeStore):
    names, plain = set(denoiser.state_dict()), {k: v.clone() for k, v in denoiser.state_dict().items()}
    adapt(denoiser, 3)
    with torch.no_grad():
        for parameter in denoiser.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    adapted = predicted(denoiser, store)
    merge(denoiser)
    assert set(denoiser.state_dict()) == names
    torch.testing.assert_close(predicted(denoiser, store).atom, adapted.atom)
    changes = {
        name: torch.linalg.matrix_rank(value - plain[name])
        for name, value in denoiser.state_dict().items()
        if value.ndim == 2 and not torch.equal(value, plain[name]) and "embed" not in name and "head" not in name
    }
    assert len(changes) > 3
    assert all(rank <= 3 for rank in changes.values())


def test_gradient_reaches_the_adapters_only(denoiser: NetworkDenoiser, store: MoleculeStore):
    adapt(denoiser, 4)
    state = store.state(range(4))
    out = denoiser(state, Times.shared(torch.full((4,), 0.5), state.mask.shape[1]))
    (out.pos.square().sum() + out.atom.square().sum() + out.bond.square().sum()).backward()
    reached = {name for name, p in denoiser.named_parameters() if p.grad is not None}
    assert reached == {name for name, p in denoiser.named_parameters() if p.requires_grad}
    assert not any(isinstance(m, nn.LayerNorm) and m.weight.requires_grad for m in denoiser.modules())
