"""The training step: times, self-conditioning, average, rate, clipping, and how it stops."""

from collections.abc import Callable

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor
from torch.utils.data import DataLoader

from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.random import sample_generator
from moldiff.errors import TrainingError
from moldiff.state import Prediction, State, Times
from moldiff.training.denoiser.module import DiffusionModule
from moldiff.training.denoiser.times import sample_previous_times, sample_time_exponents, sample_times
from moldiff.training.lightning_trainer import quiet_trainer

Make = Callable[..., DiffusionModule]


@pytest.fixture
def batch(store: MoleculeStore) -> State:
    return store.state([0, 1, 2, 3])


def fit(module: DiffusionModule, batches: list[State]) -> None:
    """All batches, one step each."""
    trainer = quiet_trainer([])
    trainer.fit_loop.max_epochs = 1
    trainer.fit(module, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]


# ---- what is charged


def test_nearly_clean_coordinates_count_more_late_in_the_run(make_module: Make, batch: State):
    late = {"late_start": 0.5, "late_pos_floor": 0.01}
    module = make_module(loss=late, num_training_molecules=100, time_end_density=0)
    pos = []
    for seen in (0, 49, 50):
        module.num_seen.fill_(seen)
        pos.append(module.loss(batch, 3)[1].pos.item())
    assert pos[0] == pos[1] < pos[2]
    assert pos[2] == make_module(loss={"pos_floor": 0.01}, time_end_density=0).loss(batch, 3)[1].pos.item()


# ---- times


def ks_distance(times: Tensor, end: float) -> float:
    """Kolmogorov-Smirnov p-value against the distribution function (2 - end) t - (1 - end) t^2."""
    return kstest(times.double().numpy(), lambda t: (2 - end) * t - (1 - end) * t**2).pvalue


@pytest.mark.parametrize("end", [0.0, 0.3, 1.0, 1.5])
def test_times_have_their_density(end: float):
    times = sample_times(2_000, end, generator=sample_generator(0, 0))
    assert ks_distance(times, end) > 0.01
    assert float(times.min()) > 0
    assert float(times.max()) <= 1


def test_times_law_catches_the_mirrored_density():
    """Denser near the noise: the mistake that is easiest to make."""
    times = 1 - sample_times(2_000, 0.3, generator=sample_generator(0, 0))
    assert ks_distance(times, 0.3) < 1e-6


# ---- time exponents


def test_leads_lie_evenly_between_their_ends(make_module: Make):
    config = make_module(atom_time_exponent=(1.0, 3.0), bond_time_exponent=(2.0, 2.0)).config
    time_exponents = sample_time_exponents(2_000, config, generator=sample_generator(0, 0), device=torch.device("cpu"))
    assert kstest((time_exponents.atom.numpy() - 1) / 2, "uniform").pvalue > 0.01
    assert bool((time_exponents.bond == 2).all())


def calls(module: DiffusionModule, batch: State) -> list[tuple[State, Times]]:
    """The molecules and times that the denoiser is given in a step."""
    seen, forward = [], module.denoiser.forward
    module.denoiser.forward = lambda state, t, previous=None: (seen.append((state, t)), forward(state, t, previous))[1]
    module.loss(batch, 0)
    return seen


def test_training_lets_the_classes_lead(make_module: Make, batch: State):
    _, t = calls(make_module(atom_time_exponent=(2.0, 2.0), bond_time_exponent=(3.0, 3.0)), batch)[-1]
    assert torch.allclose(t.atom, t.pos**2)
    assert torch.allclose(t.bond[:, 0], t.pos**3)
    _, t = calls(make_module(), batch)[-1]
    assert torch.equal(t.atom, t.pos)
    assert torch.equal(t.bond[:, 0], t.pos)


def test_loss_repeats_with_its_step_and_differs_from_the_next(make_module: Make, batch: State):
    module = make_module()
    first, again, later = (module.loss(batch, step)[0].item() for step in (5, 5, 6))
    assert first == again != later
    assert make_module(seed=1).loss(batch, 5)[0].item() != first


# ---- self-conditioning


def previous_seen(module: DiffusionModule, batch: State, steps: int) -> list[Prediction | None]:
    """What the second of the two calls of a step was given."""
    seen: list[Prediction | None] = []
    forward = module.denoiser.forward

    def spy(state, t, previous=None):
        seen.append(previous)
        return forward(state, t, previous)

    module.denoiser.forward = spy
    last = []
    for step in range(steps):
        seen.clear()
        module.loss(batch, step)
        last.append(seen[-1])
    return last


def test_self_conditioning_is_used_as_often_as_configured(make_module: Make, batch: State):
    for share, low, high in ((0.0, 0, 0), (0.5, 8, 24), (1.0, 32, 32)):
        given = previous_seen(make_module(self_conditioning=share), batch, 32)
        assert low <= sum(previous is not None for previous in given) <= high
        assert not any(values.requires_grad for previous in given if previous for values in vars(previous).values())


def test_gaps_are_even_on_a_logarithmic_scale():
    times = torch.full((2_000,), 0.3)
    gaps = sample_previous_times(times, (0.01, 0.15), generator=sample_generator(0, 0)).sqrt() - times.sqrt()
    assert kstest((gaps / 0.01).log().double().numpy() / torch.tensor(15.0).log().item(), "uniform").pvalue > 0.01
    assert torch.equal(
        sample_previous_times(torch.ones(3), (0.1, 0.1), generator=sample_generator(0, 0)), torch.ones(3)
    )


def test_the_earlier_prediction_is_of_the_same_molecules_with_more_noise(make_module: Make, batch: State):
    always = {"self_conditioning": 1.0, "atom_time_exponent": (2.0, 2.0), "time_end_density": 0}
    (before, t_before), (state, t) = calls(make_module(**always, self_conditioning_gap=(0.1, 0.1)), batch)
    assert torch.allclose(t_before.pos.sqrt(), (t.pos.sqrt() + 0.1).clamp_max(1))
    assert torch.allclose(t_before.atom, t_before.pos**2)
    assert not torch.equal(before.pos, state.pos)
    (before, _), (state, _) = calls(make_module(**always, self_conditioning_gap=(1e-9, 1e-9)), batch)
    assert torch.allclose(before.pos, state.pos, atol=1e-2)  # on the way, not noised afresh


def test_what_is_known_is_known_in_the_earlier_prediction(make_module: Make, batch: State):
    (_, t_before), (_, t) = calls(make_module(self_conditioning=1.0, inpainting_probability=1.0), batch)
    for name in ("pos", "atom", "bond"):
        assert torch.equal(getattr(t_before, name) == 0, getattr(t, name) == 0)
    assert bool((t.pos == 0).any())


def test_the_gap_begins_where_the_settings_say(make_module: Make, batch: State):
    module = make_module(self_conditioning=1.0, self_conditioning_gap_start=0.5, num_training_molecules=100)
    for seen, same in ((49, True), (50, False)):
        module.num_seen.fill_(seen)
        (_, t_before), (_, t) = calls(module, batch)
        assert torch.equal(t_before.pos, t.pos) == same


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize(
    ("share", "resting"),
    [(0.0, ["network.embed_moves", "network.blocks.0.project_vectors.maps.0.weight"]), (1.0, [])],
)
def test_every_parameter_learns(make_module: Make, batch: State, precision: str, share: float, resting: list[str]):
    """Also when bf16 copies of the weights were made without gradients a moment before."""
    module = make_module(precision=precision, self_conditioning=share)
    loss, _ = module.loss(batch, 0)
    loss.backward()
    idle = [name for name, p in module.denoiser.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == resting
    assert all(bool(p.grad.isfinite().all()) for p in module.denoiser.parameters() if p.grad is not None)


# ---- rate, average, clipping


def test_rate_warms_up_and_cools_down(make_module: Make):
    module = make_module(num_training_molecules=1000, warmup_steps=10, cooldown=0.25)
    assert [module.rate(step) for step in (0, 4, 9, 500)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    for seen, share in ((750, 1.0), (875, 0.5), (1000, 0.01)):
        module.num_seen.fill_(seen)
        assert module.rate(500) == pytest.approx(share)
    steady = make_module(num_training_molecules=1000, warmup_steps=0, cooldown=0.0)
    steady.num_seen.fill_(999)
    assert steady.rate(0) == 1.0


def assert_average(module: DiffusionModule, decay_of: Callable[[int], float]) -> None:
    """Against a loop in float64 over 40 random updates; the first one is a copy."""
    name = "network.atom_head.weight"
    live, average = module.denoiser.get_parameter(name), module.average.module.get_parameter(name)
    expected = torch.zeros_like(live, dtype=torch.float64)
    for count in range(40):
        with torch.no_grad():
            live.add_(torch.randn(live.shape, generator=sample_generator(0, count)))
        module.average.update_parameters(module.denoiser)
        decay = decay_of(count) if count else 0.0
        expected = decay * expected + (1 - decay) * live.detach().double()
        torch.testing.assert_close(average.double(), expected, rtol=0, atol=1e-5)


def test_average_follows_its_formula(make_module: Make):
    assert_average(make_module(ema_length=0.3), lambda count: 1 - 1 / (1 + 0.3 * count))


def test_average_law_catches_another_decay(make_module: Make):
    with pytest.raises(AssertionError):
        assert_average(make_module(ema_length=0.3), lambda count: 1 - 1 / (1 + 0.29 * count))


def test_gradient_is_clipped(make_module: Make, batch: State):
    module = make_module(clip=1e-3)
    module.loss(batch, 0)[0].backward()
    before = {name: p.grad.clone() for name, p in module.denoiser.named_parameters()}
    module.configure_gradient_clipping(torch.optim.SGD(module.parameters(), lr=0.1))
    norm = torch.stack([p.grad.norm() for p in module.denoiser.parameters()]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)
    largest = max(before, key=lambda name: float(before[name].norm()))
    clipped = module.denoiser.get_parameter(largest).grad
    cosine = torch.nn.functional.cosine_similarity(clipped.flatten(), before[largest].flatten(), dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-4)


# ---- a run in Lightning


def test_run_counts_molecules_and_averages(make_module: Make, store: MoleculeStore):
    module = make_module(warmup_steps=0, self_conditioning=1.0)
    start = [p.detach().clone() for p in module.denoiser.parameters()]
    fit(module, [store.state([0, 1, 2]), store.state([3, 4])])
    assert int(module.num_seen) == 5
    assert int(module.average.n_averaged) == 2
    assert module.global_step == 2
    assert all(bool((p != before).any()) for p, before in zip(module.denoiser.parameters(), start, strict=True))
    live, average = module.denoiser.parameters(), module.average.module.parameters()
    assert any(bool((a != b).any()) for a, b in zip(live, average, strict=True))


def poisoned(batch: State) -> State:
    return batch.replace(pos=torch.full_like(batch.pos, torch.nan))


def test_run_stops_at_a_loss_that_is_not_finite(make_module: Make, store: MoleculeStore):
    """With what the good batch made of the weights still in place."""
    good = store.state([0, 1])
    alone, stopped = make_module(), make_module()
    fit(alone, [good])
    with pytest.raises(TrainingError, match=r"step 1: loss is nan .* checkpoint is kept"):
        fit(stopped, [good, poisoned(good)])
    for a, b in zip(alone.parameters(), stopped.parameters(), strict=True):
        assert torch.equal(a, b)


def test_run_stops_at_a_gradient_that_is_not_finite(make_module: Make, store: MoleculeStore):
    module, good = make_module(), store.state([0, 1])
    weight = module.denoiser.get_parameter("network.atom_head.weight")
    weight.register_hook(lambda gradient: gradient * torch.inf)
    before = [p.detach().clone() for p in module.denoiser.parameters()]
    with pytest.raises(TrainingError, match="step 0: the gradient is not finite"):
        fit(module, [good])
    assert all(torch.equal(a, b) for a, b in zip(before, module.denoiser.parameters(), strict=True))


@pytest.mark.slow
def test_training_learns_twenty_molecules_by_heart(make_module: Make, store: MoleculeStore):
    """Over a fixed set of noises the losses fall in 150 steps: measured to 0.30, pos 0.58, atom 0.24, bond 0.22."""
    molecules = [store.state(range(start, start + 10)) for start in (0, 10)]
    module = make_module(warmup_steps=5, learning_rate=5e-3, cooldown=0.0, ema_length=0.1)

    @torch.no_grad()
    def measure() -> dict[str, float]:
        results = [module.loss(batch, 10_000 + k) for k in range(10) for batch in molecules]
        parts = {name: sum(float(getattr(p, name)) for _, p in results) for name in ("pos", "atom", "bond")}
        return {"loss": sum(float(loss) for loss, _ in results), **parts}

    before = measure()
    fit(module, molecules * 75)
    after = measure()
    ratios = {name: after[name] / before[name] for name in before}
    assert ratios["loss"] < 0.4, ratios
    assert max(ratios["atom"], ratios["bond"]) < 0.35, ratios
    assert ratios["pos"] < 0.75, ratios
