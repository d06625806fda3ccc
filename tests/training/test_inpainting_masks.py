from collections.abc import Callable

import pytest
import torch

from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.state import State, Times
from moldiff.training.denoiser.inpainting_masks import TASKS, WHOLE, sample_inpainting_times
from moldiff.training.denoiser.module import DiffusionModule


@pytest.fixture
def batch(store: MoleculeStore) -> State:
    """All molecules at once, padded to the largest."""
    return store.state(list(range(len(store))))


def drawn(batch: State, share: float = 1.0, seed: int = 0) -> tuple[State, Times]:
    t = 0.2 + 0.7 * torch.rand(len(batch.mask), generator=torch.Generator().manual_seed(seed))
    return sample_inpainting_times(
        batch, Times.shared(t, batch.mask.shape[1]), share, generator=sample_generator(seed, 0)
    )


def known_of(times: Times, row: int, n: int) -> tuple[int, int, int]:
    """Numbers of known coordinates, classes and bonds of one molecule."""
    off = ~torch.eye(n, dtype=torch.bool)
    bonds = (times.bond[row, :n, :n] == 0) & off
    return int((times.pos[row, :n] == 0).sum()), int((times.atom[row, :n] == 0).sum()), int(bonds.sum()) // 2


def task_of(known: tuple[int, int, int], n: int) -> str | None:
    """The only task that these numbers fit, 'fragment' for both with a known fragment."""
    pairs = n * (n - 1) // 2
    whole = {name: (n * ("p" in v), n * ("a" in v), pairs * ("b" in v)) for name, v in WHOLE.items()}
    if known == (0, 0, 0):
        return None
    for name, numbers in whole.items():
        if known == numbers:
            return name
    pos, atom, bond = known
    assert pos == atom
    assert bond == pos * (pos - 1) // 2
    assert 0 < pos < n
    return "fragment"


def test_tasks_know_what_they_say_and_all_occur(batch: State):
    _, times = drawn(batch)
    sizes = batch.mask.sum(1).tolist()
    tasks = [task_of(known_of(times, row, n), n) for row, n in enumerate(sizes)]
    assert None not in tasks
    assert set(tasks) == {*WHOLE, "fragment"}
    expected = len(sizes) / len(TASKS)
    for name, count in {name: tasks.count(name) for name in tasks}.items():
        share = 2 if name == "fragment" else 1
        assert 0.4 * share * expected < count < 1.9 * share * expected


def test_tasks_leave_the_rest_at_the_time_of_the_molecule(batch: State):
    _, times = drawn(batch)
    for row, n in enumerate(batch.mask.sum(1).tolist()):
        seen = torch.cat([times.pos[row, :n], times.atom[row, :n], times.bond[row, :n, :n].flatten()])
        assert len(set(seen[seen > 0].tolist())) <= 1


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_tasks_come_as_often_as_configured(batch: State, share: float):
    sizes = batch.mask.sum(1).tolist()
    _, times = drawn(batch, share)
    given = sum(known_of(times, row, n) != (0, 0, 0) for row, n in enumerate(sizes))
    assert share * 0.6 * len(sizes) <= given <= share * 1.4 * len(sizes)


def test_tasks_centre_the_known_fragment_and_move_nothing_else(batch: State):
    moved, times = drawn(batch)
    fragment = (times.pos == 0) & (times.atom == 0) & batch.mask
    shift = (moved.pos - batch.pos)[batch.mask]
    for row in range(len(batch.mask)):
        partial = fragment[row].any() and not fragment[row][batch.mask[row]].all()
        centre = moved.pos[row][fragment[row]].mean(0) if partial else moved.pos[row][batch.mask[row]].mean(0)
        torch.testing.assert_close(centre, torch.zeros(3), atol=1e-5, rtol=0)
    assert shift.abs().max() > 0.1
    distances = [torch.cdist(s.pos, s.pos)[batch.pair_mask] for s in (batch, moved)]
    torch.testing.assert_close(*distances, atol=1e-4, rtol=0)
    assert not moved.pos[~batch.mask].any()


def test_known_parts_are_not_noised_and_not_predicted_otherwise(
    make_module: Callable[..., DiffusionModule], batch: State
):
    """What is known comes out of the process and out of the denoiser as it went in."""
    module = make_module()
    x0, times = drawn(batch)
    z_t = module.process.noise(x0, times, generator=BatchRandomness(sample_generator(0, 1), len(x0.mask)))
    known = (times.pos == 0) & x0.mask
    assert torch.equal(z_t.pos[known], x0.pos[known])
    assert torch.equal(z_t.atom[(times.atom == 0) & x0.mask], x0.atom[(times.atom == 0) & x0.mask])
    assert torch.equal(z_t.bond[(times.bond == 0) & x0.pair_mask], x0.bond[(times.bond == 0) & x0.pair_mask])
    prediction = module.denoiser(z_t, times)
    torch.testing.assert_close(prediction.pos[known], x0.pos[known])
    assert not torch.equal(z_t.pos[~known & x0.mask], x0.pos[~known & x0.mask])


def test_tasks_begin_when_the_run_says(make_module: Callable[..., DiffusionModule]):
    module = make_module(inpainting_probability=0.4, inpainting_start=0.5, num_training_molecules=100)
    shares = []
    for seen in (0, 49, 50, 100):
        module.num_seen.fill_(seen)
        shares.append(module.inpainting_probability())
    assert shares == [0.0, 0.0, 0.4, 0.4]


def test_loss_with_tasks_is_finite_and_differs(make_module: Callable[..., DiffusionModule], batch: State):
    plain, tasks = (make_module(inpainting_probability=share).loss(batch, 3)[0] for share in (0.0, 1.0))
    assert torch.isfinite(tasks)
    assert tasks.item() != plain.item()
