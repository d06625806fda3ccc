"""Which labels are kept in training."""

import torch

from moldiff.conditions.dropout import drop_conditions

COUNT = 20_000


def kept(count: int, share: float) -> torch.Tensor:
    labels = torch.zeros(COUNT, count)
    return ~drop_conditions(labels, share, generator=torch.Generator().manual_seed(0)).isnan()


def test_share_of_the_molecules_keeps_no_condition():
    assert abs(float((~kept(1, 0.15)).float().mean()) - 0.15) < 0.01
    assert not kept(3, 1.0).any()


def test_every_second_of_the_others_keeps_one_label():
    counts = kept(4, 0.2).sum(1).bincount(minlength=5) / COUNT
    expected = torch.tensor([0.2, 0, 0, 0, 0]) + 0.4 * torch.tensor([1, 4, 6, 4, 1]) / 16
    expected[1] += 0.4
    assert torch.allclose(counts, expected, atol=0.015)


def test_each_label_is_kept_as_often():
    shares = kept(4, 0.2).float().mean(0)
    assert float(shares.max() - shares.min()) < 0.02


def test_labels_that_the_data_lacks_stay_absent():
    labels = torch.full((10, 2), torch.nan)
    assert drop_conditions(labels, 0.0, generator=torch.Generator()).isnan().all()
