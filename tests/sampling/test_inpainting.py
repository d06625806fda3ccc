import torch

from moldiff.sampling.constraints import OnlyPossible
from moldiff.sampling.inpainting import KnownValues
from moldiff.state import Prediction, State, Times


def part(n: int, offset: float, *, possible: bool = False) -> KnownValues:
    values = State(
        torch.full((1, n, 3), offset),
        torch.ones(1, n, dtype=torch.long),
        torch.zeros(1, n, n, dtype=torch.long),
        torch.ones(1, n, dtype=torch.bool),
    )
    yes = torch.ones(1, n, dtype=torch.bool)
    classes = torch.tensor([[[True, False, True]] * n]) if possible else None
    return KnownValues(values, yes, ~yes, ~yes[:, None].expand(1, n, n), classes)


def test_stacked_parts_are_rows_of_one_batch():
    both = KnownValues.stack([part(4, 1.0, possible=True), part(4, 2.0, possible=True)])
    assert both.values.pos[:, 0, 0].tolist() == [1.0, 2.0]
    assert both.pos.shape == (2, 4)
    assert both.possible is not None
    assert both.possible.shape == (2, 4, 3)
    assert KnownValues.stack([part(4, 1.0)]).possible is None


def test_parts_with_and_without_possible_classes_go_together():
    """As a charged geometry among neutral ones: the mask of one is not that of the others."""
    parts = [part(4, 1.0), part(4, 2.0, possible=True), part(4, 3.0)]
    mixed = KnownValues.stack(parts).possible
    assert mixed is not None
    assert mixed[0].all()
    assert mixed[2].all()
    assert torch.equal(mixed[1:2], KnownValues.stack(parts[1:2]).possible)


def test_impossible_classes_get_no_probability():
    def denoiser(state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        return Prediction(state.pos, torch.tensor([[[0.0, 50.0, 1.0]] * 4]), torch.zeros(1, 4, 4, 4))

    known = part(4, 0.0, possible=True)
    assert known.possible is not None
    t = known.times(0.5)
    free = denoiser(known.values, t).atom.softmax(-1)
    bound = OnlyPossible(denoiser, known.possible)(known.values, t).atom.softmax(-1)
    assert free[..., 1].min() > 0.99  # what the bound takes away
    assert bound[..., 1].max() == 0
    torch.testing.assert_close(bound[..., 2] / bound[..., 0], torch.e * torch.ones(1, 4))
