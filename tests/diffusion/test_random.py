import numpy as np
import pytest
import torch
from torch import Tensor

from moldiff.diffusion.random import BatchRandomness, SampleRandomness, mirror, sample_generator, scramble


def draws(indices: list[int], sizes: list[int], n: int, kind=SampleRandomness) -> list[Tensor]:
    """Two rounds of each kind of draw."""
    source = kind(7, indices, torch.tensor(sizes))
    return [draw(n) for _ in range(2) for draw in (source.normal, source.uniform, source.uniform_pairs)]


def assert_independent(kind: type[SampleRandomness]) -> None:
    """The draws of a sample, alone and tight, are those in any batch and padding."""
    for index, size in ((3, 4), (12, 6), (5, 1)):
        alone = draws([index], [size], size, kind)
        for indices, sizes, n in (([0, index], [6, size], 6), ([index, 1, 2], [size, 9, 2], 11)):
            row = indices.index(index)
            for one, batch in zip(alone, draws(indices, sizes, n, kind), strict=True):
                inside = batch[row][tuple(slice(size) if k == n else slice(None) for k in batch.shape[1:])]
                assert torch.equal(one[0], inside)


def assert_unrelated(make) -> None:
    """Streams of neighbours in index, seed and stream: correlations within five standard errors, none the same."""
    near = [make(seed, index, stream=stream) for seed in range(3) for index in range(8) for stream in range(2)]
    values = torch.stack([torch.rand(20_000, generator=generator, dtype=torch.float64) for generator in near])
    correlation = torch.corrcoef(values) - torch.eye(len(near))
    assert float(correlation.abs().max()) < 5 / 20_000**0.5


def test_sample_is_independent_of_batch_and_padding():
    assert_independent(SampleRandomness)


def test_neighbouring_samples_are_unrelated():
    assert_unrelated(sample_generator)


def test_no_two_samples_of_a_seed_share_their_draws():
    """The generator reads 32 bits of its seed; the map from index to these is one to one."""
    seeds = [sample_generator(0, index).initial_seed() for index in range(2000)]
    assert len({seed % 2**32 for seed in seeds}) == 2000
    assert max(seeds) < 2**32
    numbers = np.unique(np.array([scramble(number) for number in range(300_000)]))
    assert len(numbers) == 300_000


def test_generator_repeats():
    same = [torch.rand(4, generator=sample_generator(3, 5)) for _ in range(2)]
    assert torch.equal(*same)
    source = BatchRandomness(sample_generator(3, 5), 1)
    assert torch.equal(source.uniform(4)[0], same[0])


def test_pairs_are_mirrored():
    upper = torch.rand(3, 5, 5)
    both = mirror(upper)
    assert torch.equal(both, both.transpose(1, 2))
    assert torch.equal(both.triu(1), upper.triu(1))
    assert not both.diagonal(dim1=1, dim2=2).any()
    for source in (SampleRandomness(0, [0, 1], torch.tensor([3, 5])), BatchRandomness(sample_generator(0, 0), 2)):
        pairs = source.uniform_pairs(5)
        assert torch.equal(pairs, pairs.transpose(1, 2))
        assert pairs.shape == (2, 5, 5)


class OneStream(SampleRandomness):
    """One generator for the batch."""

    def __init__(self, seed, indices, sizes):
        super().__init__(seed, indices, sizes)
        self.generators = [sample_generator(seed, 0)] * len(self.sizes)


class PaddedDraws(SampleRandomness):
    """Draws for the padded slots too."""

    def _padded(self, shapes, padded, draw):
        return super()._padded([padded] * len(shapes), padded, draw)


@pytest.mark.parametrize("fault", [OneStream, PaddedDraws])
def test_randomness_law_catches_a_fault(fault: type[SampleRandomness]):
    with pytest.raises(AssertionError):
        assert_independent(fault)


def test_unrelated_law_catches_a_stream_forgotten():
    with pytest.raises(AssertionError):
        assert_unrelated(lambda seed, index, stream: sample_generator(seed, index))
