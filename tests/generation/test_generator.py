import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem

import moldiff.generation.generator
import moldiff.generation.runner
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import REASONS
from moldiff.errors import ConfigError, SizeError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.runner import Runner
from moldiff.generation.sample import Sample
from moldiff.generation.sizes import Sizes
from moldiff.metrics.score import score
from moldiff.runtime.device import find_device

STEPS = 3


@pytest.fixture(scope="module")
def generator(weights: Path) -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained(weights, device="cpu")


@pytest.fixture(params=[False, True], ids=["float32", "bf16"])
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moldiff.generation.runner, "use_bf16", lambda *_: request.param)


def drawn(sample: Sample) -> Molecule:
    assert sample.molecule is not None
    return sample.molecule


def same(one: Sample, two: Sample) -> bool:
    a, b = drawn(one), drawn(two)
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(fields(a), fields(b), strict=True))


def fields(m: Molecule) -> tuple[np.ndarray, ...]:
    return m.elements, m.charges, m.pos, m.bond


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("setting", ["connectivity", "valence"])
def test_constraints_change_what_is_drawn_but_not_by_its_batch(generator: MoleculeGenerator, setting: str):
    sampler = generator.bundle.sampler.model_copy(update={"num_steps": STEPS, setting: 1.0})
    whole = list(generator.stream(12, num_atoms=(8, 9), options=SamplingOptions(sampler=sampler)))
    alone = list(generator.stream(12, num_atoms=(8, 9), options=SamplingOptions(sampler=sampler, batch_size=1)))
    assert all(map(same, whole, alone))
    loose = list(generator.stream(12, num_atoms=(8, 9), num_steps=STEPS))
    assert not all(map(same, whole, loose))


@pytest.mark.usefixtures("precision")
def test_generator_gives_the_same_molecule_for_any_batch_size(
    generator: MoleculeGenerator, threads: Callable[[int], None]
):
    threads(1)
    options = {"num_samples": 10, "num_steps": STEPS, "seed": 5, "num_atoms": (12, 14)}
    whole = list(generator.stream(**options))
    assert len({len(drawn(s)) for s in whole}) == 3
    for batch_size in (1, 3, 10):
        threads(2 if batch_size == 3 else 1)
        assert all(map(same, whole, generator.stream(**options, options=SamplingOptions(batch_size=batch_size))))


def test_generator_law_of_batches_can_fail(generator: MoleculeGenerator, monkeypatch: pytest.MonkeyPatch):
    """Planted breach: noise by the place in the batch."""
    right = moldiff.generation.runner.SampleRandomness
    wrong = lambda seed, indices, sizes, **more: right(seed, range(len(indices)), sizes, **more)  # noqa: E731
    monkeypatch.setattr(moldiff.generation.runner, "SampleRandomness", wrong)
    one, two = (
        list(generator.stream(20, num_steps=STEPS, num_atoms=9, options=SamplingOptions(batch_size=size)))
        for size in (7, None)
    )
    assert not all(map(same, one, two))


def test_generator_continues_where_it_ended(generator: MoleculeGenerator, monkeypatch: pytest.MonkeyPatch):
    request = {"num_steps": STEPS, "seed": 3, "num_atoms": (8, 10)}  # few sizes are few batches
    whole = list(generator.stream(20, **request))
    monkeypatch.setattr(moldiff.generation.generator, "WINDOW", 8)
    parts = [
        *generator.stream(13, **request),
        *generator.stream(7, **request, options=SamplingOptions(first=13)),
    ]
    assert [s.index for s in parts] == list(range(20))
    assert all(map(same, whole, parts))
    assert not any(map(same, whole, generator.stream(20, **(request | {"seed": 4}))))


def test_generator_keeps_order_with_failures_in_their_place(hydrogen: Path):
    generator = MoleculeGenerator.from_pretrained(hydrogen)
    samples = generator.sample(60, num_steps=STEPS)
    results = [sample.result for sample in samples]
    assert [s.index for s in samples] == list(range(60))
    kinds = Counter(type(result) for result in results)
    assert len(results) == 60
    assert set(kinds) == {Chem.Mol, Failure}
    assert min(kinds.values()) > 5
    for result, sample in zip(results, samples, strict=True):
        assert isinstance(result, Failure) != sample.valid
        assert drawn(sample).properties == {
            "seed": 0,
            "index": sample.index,
            "num_steps": STEPS,
            "precision": generator.precision,
        }
        if isinstance(result, Chem.Mol):
            assert result.GetProp("_Name") == f"moldiff-0-{sample.index}"
            np.testing.assert_array_equal(result.GetConformer().GetPositions(), drawn(sample).pos)
        else:
            assert result.reason in REASONS
    assert score(drawn(s) for s in samples).rates["valid"].numerator == kinds[Chem.Mol]


def test_generator_draws_sizes_as_in_the_data(generator: MoleculeGenerator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Runner, "window", lambda self, sizes, *_: (size.num_atoms for size in sizes.values()))
    counts = generator.bundle.statistics.sizes
    total = sum(counts.values())

    def distance(sizes: Counter, expected: dict[int, int]) -> float:
        whole = sum(expected.values())
        return sum(abs(sizes[n] / sizes.total() - expected.get(n, 0) / whole) for n in {*sizes, *expected}) / 2

    def draw(num_atoms) -> Counter:
        return Counter(generator.stream(4000, num_atoms=num_atoms))  # pyright: ignore[reportArgumentType]

    sizes = draw(None)
    assert distance(sizes, counts) < 0.04
    assert distance(Counter(dict.fromkeys(counts, total)), counts) > 0.1  # what the bound must tell from it
    some = draw((15, 17))
    assert distance(some, {n: counts[n] for n in (15, 16, 17)}) < 0.04
    assert draw(18) == {18: 4000}


@pytest.mark.parametrize("num_atoms", [(9,), "15-20", 9.5, (9.0, 10.0), (1, 2, 3)])
def test_sizes_are_one_number_or_two(num_atoms):
    make = inspect.unwrap(Sizes.of.__func__)  # as without the checks of types that tests add
    with pytest.raises(SizeError, match="expected one size, such as 18, or"):
        make(Sizes, {5: 1, 20: 2}, num_atoms, allow_extrapolation=False)
    assert make(Sizes, {5: 1, 20: 2}, np.int64(9), allow_extrapolation=False).values == [(9, -1)]


def test_generator_shows_what_it_is(generator: MoleculeGenerator):
    assert f"device='{generator.device}', precision='{generator.precision}'" in repr(generator)


@pytest.mark.parametrize("num_atoms", [2, 30, (2, 10), (20, 40), 0, -3, (10, 5), 5000])
def test_generator_refuses_sizes_it_was_not_trained_on(num_atoms, generator: MoleculeGenerator):
    with pytest.raises(SizeError, match="num_atoms") as caught:
        generator.stream(3, num_atoms=num_atoms)
    assert "\n" not in str(caught.value)


def test_generator_extrapolates_on_request(generator: MoleculeGenerator):
    most = max(generator.bundle.statistics.sizes)
    options = SamplingOptions(allow_extrapolation=True)
    with pytest.warns(UserWarning, match=f"trained on .* to {most} atoms"):
        samples = list(generator.stream(6, num_steps=1, num_atoms=(most, most + 2), options=options))
    assert max(len(drawn(s)) for s in samples) > most
    with pytest.raises(SizeError):
        generator.stream(1, num_atoms=5000, options=SamplingOptions(allow_extrapolation=True))


def test_generator_allows_gaps_of_the_histogram(generator: MoleculeGenerator):
    counts = generator.bundle.statistics.sizes
    gap = next(n for n in range(min(counts), max(counts)) if n not in counts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [len(drawn(s)) for s in generator.stream(2, num_steps=1, num_atoms=gap)] == [gap, gap]


@pytest.mark.parametrize(
    "given", [{"seed": -1}, {"num_steps": 0}, {"num_samples": -1}, {"num_particles": 2}, {"target": {"nonsense": 1}}]
)
def test_generator_refuses_senseless_numbers_before_it_works(given: dict, generator: MoleculeGenerator):
    with pytest.raises(ConfigError):
        generator.stream(**{"num_samples": 1, **given})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, "batch_size: .*, got 0"),
        ({"first": -1}, "first: .*, got -1"),
        ({"sampler": "ddim"}, "expected a SamplerConfig; `solver` names a solver, got 'ddim'"),
        ({"solver": "dimm"}, "solver: .*'ddim'.*, got 'dimm'"),
        ({"num_step": 3}, "unknown option 'num_step'; did you mean 'num_steps'"),
    ],
)
def test_options_are_refused_in_one_line(values: dict, message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        SamplingOptions(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("device", ["mps", "gpu", "tpu", "cuda:99", "cuda:x", "", "CPU", torch.device("meta")])
def test_generator_refuses_a_device_that_is_not_there(device: str | torch.device, generator: MoleculeGenerator):
    with pytest.raises(ConfigError, match=f"device '{device}': not available, torch finds .*; use 'cpu'"):
        MoleculeGenerator(generator.bundle, device=device)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_generator_computes_in_the_precision_of_its_options(precision: str, generator: MoleculeGenerator):
    seen = set()
    own = MoleculeGenerator(generator.bundle, device="cpu", precision=precision)
    layer = next(module for module in own.denoiser.modules() if isinstance(module, torch.nn.Linear))
    hook = layer.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    samples = list(own.stream(2, num_steps=STEPS))
    hook.remove()
    assert seen == {torch.float32 if precision == "float32" else torch.bfloat16}
    assert {s.molecule.properties["precision"] for s in samples if s.molecule} == {precision}
    with pytest.raises(ConfigError, match="precision 'float16': expected one of auto, bf16, float32"):
        MoleculeGenerator(generator.bundle, precision="float16")


def test_gpus_that_are_there_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("cuda:1") == torch.device("cuda:1")
    assert find_device(None) == torch.device("cuda")
    for name in ("cuda:7", "gpu"):
        with pytest.raises(ConfigError, match="torch finds 2 GPUs here; use 'cpu' or 'cuda' or 'cuda:0' or 'cuda:1'"):
            find_device(name)


def test_generator_names_molecules_whose_coordinates_are_no_numbers(weights: Path):
    generator = MoleculeGenerator.from_pretrained(weights)
    with torch.no_grad():
        generator.denoiser.network.blocks[0].update.move.fill_(torch.nan)  # pyright: ignore
    samples = list(generator.stream(3, num_steps=STEPS))
    assert [s.molecule for s in samples] == [None] * 3
    assert {s.result.reason for s in samples if isinstance(s.result, Failure)} == {"coordinates"}


def interrupt_after(calls: int) -> Callable[[int], None]:
    left = iter(range(calls))

    def step(count: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return step


@pytest.mark.parametrize("num_threads", [1, 2])
def test_generator_yields_what_is_done_when_interrupted(
    num_threads: int, generator: MoleculeGenerator, threads: Callable[[int], None]
):
    threads(num_threads)
    few = {"num_samples": 60, "num_steps": STEPS, "num_atoms": (4, 12)}
    samples = generator.stream(**few, options=SamplingOptions(on_step=interrupt_after(5 * STEPS + 1)))
    kept: list[Sample] = []
    with pytest.raises(KeyboardInterrupt):
        kept.extend(samples)
    whole = list(generator.stream(**few))
    assert 5 - num_threads < len({len(drawn(s)) for s in kept}) <= 5  # batches that were done
    assert torch.get_num_threads() == num_threads
    assert [s.index for s in kept] == sorted(s.index for s in kept)
    assert all(same(s, whole[s.index]) for s in kept)


def test_generator_may_be_left_early(generator: MoleculeGenerator, threads: Callable[[int], None]):
    threads(2)
    steps: list[int] = []
    samples = generator.stream(60, num_steps=STEPS, options=SamplingOptions(on_step=steps.append))
    assert next(samples).index == 0
    samples.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert sum(steps) < 60 * STEPS
    assert torch.get_num_threads() == 2


def test_generator_tells_every_step(generator: MoleculeGenerator):
    steps: list[int] = []
    list(generator.stream(20, num_steps=STEPS, options=SamplingOptions(on_step=steps.append)))
    assert sum(steps) == 20 * STEPS


def test_generator_saves_what_it_loaded(generator: MoleculeGenerator, tmp_path: Path):
    generator.save_pretrained(tmp_path / "copy")
    again = MoleculeGenerator.from_pretrained(tmp_path / "copy")
    assert all(map(same, generator.stream(5, num_steps=STEPS), again.stream(5, num_steps=STEPS)))
