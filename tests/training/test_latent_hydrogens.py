"""Training with latent hydrogens: which hydrogen a latent shows, the decoder's loss, and runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from moldiff.build import build_denoiser
from moldiff.config.distillation import DistillationConfig
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.sampler import DEFAULT_SAMPLER
from moldiff.config.training import TrainingConfig
from moldiff.data.representation import FoldedStore, state_of
from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.random import sample_generator
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.network.hydrogen_decoder import HydrogenDecoder
from moldiff.pretrained.bundle import Bundle, load_pretrained
from moldiff.state import Prediction, State, Times, batch_of
from moldiff.training.denoiser.finetuning import transfer
from moldiff.training.denoiser.hydrogens import blur, decoder_loss, hydrogen_errors, shuffle_hydrogens
from moldiff.training.denoiser.module import DiffusionModule
from moldiff.training.denoiser.run import train
from moldiff.training.distillation.run import distill

SMALL = NetworkConfig(num_blocks=2, atom=32, vector=4, pair=8, hidden=16, heads=2)
LATENT = ModelConfig(representation="latent", network=SMALL, decoder=SMALL)
RINGS = LATENT.model_copy(
    update={
        "bonds": "aromatic",
        "network": SMALL.model_copy(update={"longest_path": 6, "latent_distances": True}),
    }
)


@pytest.fixture(scope="module")
def folded(store: MoleculeStore) -> FoldedStore:
    return FoldedStore(store)


def test_latents_show_any_of_the_hydrogens(folded: FoldedStore):
    state = folded.state(range(60))
    shuffled = shuffle_hydrogens(state, generator=sample_generator(0, 0))
    assert torch.equal(shuffled.latent, shuffled.hydrogens[:, :, 0])
    lengths, before = (of.hydrogens.square().sum(-1).sort(-1).values for of in (shuffled, state))
    torch.testing.assert_close(lengths, before)
    three = (state.hydrogens != 0).any(-1).sum(-1) == 3
    same = (shuffled.latent == state.latent).all(-1)[three].float().mean()
    assert 0.2 < float(same) < 0.5
    one = (state.hydrogens != 0).any(-1).sum(-1) <= 1
    assert torch.equal(shuffled.latent[one], state.latent[one])


def test_explicit_molecules_are_not_shuffled(store: MoleculeStore):
    state = store.state(range(5))
    assert shuffle_hydrogens(state, generator=sample_generator(0, 0)) is state


def test_the_loss_does_not_depend_on_the_order_of_the_others(folded: FoldedStore):
    """The second and the third hydrogen may change places, the first and the second may not."""
    denoiser = build_denoiser(LATENT, folded.statistics)
    decoder, state = denoiser.hydrogens.requires_grad_(False), folded.state(range(40))
    assert isinstance(decoder, HydrogenDecoder)
    three = (decoder.count(state) == 3)[..., None, None]

    def loss_of(order: list[int]) -> float:
        return float(
            decoder_loss(
                decoder, state.replace(hydrogens=torch.where(three, state.hydrogens[:, :, order], state.hydrogens))
            )
        )

    assert loss_of([0, 2, 1, 3]) == pytest.approx(loss_of([0, 1, 2, 3]), rel=1e-6)
    assert loss_of([1, 0, 2, 3]) != pytest.approx(loss_of([0, 1, 2, 3]), rel=1e-3)


def test_hydrogens_without_a_frame_are_not_counted(folded: FoldedStore):
    """Methane, ammonia and water have no frame: how their hydrogens are turned says nothing."""
    decoder = build_denoiser(LATENT, folded.statistics).hydrogens
    assert isinstance(decoder, HydrogenDecoder)
    _, there = hydrogen_errors(decoder, folded.state([0, 1]))
    assert (folded.sizes[:2] == 1).all()
    assert not there.any()


def test_noise_of_the_bottleneck_spares_the_targets(folded: FoldedStore):
    state = folded.state(range(20))
    noisy = blur(state, generator=sample_generator(0, 0))
    assert torch.equal(noisy.hydrogens, state.hydrogens)
    moved = (noisy.latent - state.latent)[state.mask].norm(dim=-1)
    assert 0.01 < float(moved.mean()) < 0.1
    assert not (noisy.latent - state.latent)[~state.mask].any()


def test_the_decoder_learns_where_hydrogens_are(folded: FoldedStore):
    denoiser = build_denoiser(LATENT, folded.statistics)
    module = DiffusionModule(denoiser, denoiser.process, TrainingConfig(model=LATENT, precision="float32"))
    batch, optimizer = folded.state(range(100, 160)), torch.optim.Adam(denoiser.hydrogens.parameters(), lr=3e-3)

    def mean_error() -> float:
        with torch.no_grad():
            distance, there = hydrogen_errors(denoiser.hydrogens, batch)
        return float((distance * there).sum() / there.sum())

    before = mean_error()
    for step in range(60):
        optimizer.zero_grad()
        decoder_loss(denoiser.hydrogens, shuffle_hydrogens(batch, generator=sample_generator(0, step))).backward()
        optimizer.step()
    assert mean_error() < 0.5 * before
    loss, parts = module.loss(batch, 0)
    assert float(parts.latent.detach()) > 0
    assert bool(torch.isfinite(loss))


def test_hydrogens_are_charged_once(folded: FoldedStore):
    """Without its weight the decoder adds nothing, and no other parameter gets a gradient from it."""
    config = TrainingConfig(model=LATENT, precision="float32")
    denoiser = build_denoiser(LATENT, folded.statistics)
    weights = config.loss.model_copy(update={"hydrogens": 0.0})
    batch = folded.state(range(30))
    with_decoder = DiffusionModule(denoiser, denoiser.process, config).loss(batch, 0)[0]
    without = DiffusionModule(denoiser, denoiser.process, config.model_copy(update={"loss": weights})).loss(batch, 0)[0]
    assert float(with_decoder.detach()) > float(without.detach())
    (with_decoder - without).backward()
    assert all(p.grad is None or float(p.grad.abs().max()) < 1e-6 for p in denoiser.network.parameters())


def test_the_number_of_hydrogens_may_be_given(folded: FoldedStore):
    """Given, another number gives another prediction; -1 is as if none was given, each molecule on its own."""
    denoiser, state = build_denoiser(LATENT, folded.statistics), folded.state(range(20, 26))
    t = Times.shared(torch.full((6,), 0.6), state.mask.shape[1])

    def predicted(number: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return denoiser(state.replace(num_hydrogens=number), t).atom

    with torch.no_grad():
        free = denoiser(replace(state, num_hydrogens=None), t).atom
    hydrogens = state.num_hydrogens
    assert torch.equal(predicted(torch.full_like(hydrogens, -1)), free)
    some = predicted(torch.where(torch.arange(6) < 3, hydrogens, -1))
    assert not torch.isclose(some[:3], free[:3]).all()
    torch.testing.assert_close(some[3:], free[3:])
    assert not torch.isclose(predicted(hydrogens + 1), predicted(hydrogens)).all()


def test_numbers_of_hydrogens_are_dropped_in_training(folded: FoldedStore, monkeypatch: pytest.MonkeyPatch):
    denoiser = build_denoiser(LATENT, folded.statistics)
    config = TrainingConfig(model=LATENT, precision="float32", condition_dropout=0.5)
    module, seen = DiffusionModule(denoiser, denoiser.process, config), []
    monkeypatch.setattr(denoiser.network, "forward", watched(denoiser.network.forward, seen))
    batch = folded.state(range(100, 160))
    module.loss(batch, 0)
    number = seen[-1].num_hydrogens
    dropped = number < 0
    assert 0.25 < float(dropped.float().mean()) < 0.75
    assert torch.equal(number[~dropped], batch.num_hydrogens[~dropped])


def watched(forward: Callable[..., Prediction], seen: list[State]) -> Callable[..., Prediction]:
    def call(state: State, *others) -> Prediction:
        seen.append(state)
        return forward(state, *others)

    return call


def test_fine_tuning_keeps_the_decoder(folded: FoldedStore):
    """Its classes may stand in another order, with new ones among them: known ones are decoded as before."""
    statistics = folded.statistics
    denoiser = build_denoiser(LATENT, statistics, seed=4).eval()
    bundle = Bundle(denoiser, LATENT, statistics, folded.vocabulary, DEFAULT_SAMPLER, card="")
    labels = (*reversed(statistics.vocabulary), "SH", "S")
    new = transfer(bundle, replace(statistics, vocabulary=labels, atom_marginals=(1 / len(labels),) * len(labels)))
    state = folded.state(range(100, 130))
    seen = state.replace(atom=(len(statistics.vocabulary) - 1 - state.atom) * state.mask)
    torch.testing.assert_close(new.unfold(seen).hydrogens, denoiser.unfold(state).hydrogens)
    assert not torch.equal(new.unfold(state).hydrogens, denoiser.unfold(state).hydrogens)


def test_what_is_forgotten_is_measured_on_folded_molecules(folded: FoldedStore):
    store = folded.explicit
    for index in range(40, 60):
        one, other = state_of(store.molecule(index), folded.vocabulary), folded.state([index])
        torch.testing.assert_close(one.pos, other.pos, atol=2e-3, rtol=0)
        torch.testing.assert_close(one.hydrogens, other.hydrogens, atol=2e-3, rtol=0)
        assert torch.equal(one.atom, other.atom)
        assert torch.equal(one.bond, other.bond)
        assert torch.equal(one.num_hydrogens, other.num_hydrogens)
    batch = batch_of([folded.state([index]) for index in np.flatnonzero(folded.sizes == 7)[:4].tolist()])
    assert batch.hydrogens.shape == (4, 7, 4, 3)
    assert batch.labels is None


@pytest.mark.parametrize("model", [LATENT, RINGS], ids=["plain", "rings"])
def test_a_run_ends_with_a_bundle_that_samples(model: ModelConfig, store: MoleculeStore, tmp_path: Path):
    config = TrainingConfig(
        data=str(store.path),
        model=model,
        num_training_molecules=150,
        pair_budget=3000,
        sample_minutes=0,
        warmup_steps=2,
    )
    train(config, tmp_path / "run")
    generator = MoleculeGenerator.from_pretrained(tmp_path / "run" / "bundle")
    assert len(generator.bundle.sampler.latent_x0_std) == 21
    six = SamplingOptions(num_heavy_atoms=6)
    alone = generator.sample(1, num_steps=4, seed=3, options=six)[0].molecule
    several = [s.molecule for s in generator.sample(3, num_steps=4, seed=3, options=six)]
    assert alone is not None
    assert several[0] is not None
    assert (alone.pos == several[0].pos).all()
    assert (alone.elements != 1).sum() == 6
    assert_a_student_is_made(tmp_path / "run" / "bundle", store, tmp_path / "student")


def assert_a_student_is_made(teacher: Path, store: MoleculeStore, folder: Path) -> None:
    """By two updates, with all its rewards; its weights are others, those of its decoder the same."""
    sampler = {"num_steps": 3, "eta": 0.5, "grid_end": 0.05}
    distill(
        DistillationConfig(
            teacher=str(teacher),
            data=str(store.path),
            sampler=sampler,
            ring_ratio_weight=1.0,
            teacher_weight=1.0,
            num_training_molecules=60,
            batches_per_update=2,
            pair_budget=600,
            warmup_steps=0,
        ),
        folder,
    )
    before, after = (load_pretrained(path).denoiser.state_dict() for path in (teacher, folder / "bundle"))
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith("network.") for name in changed), sorted(changed)[:3]
