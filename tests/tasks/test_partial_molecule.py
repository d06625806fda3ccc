from dataclasses import replace

import numpy as np
import pytest

from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import ConfigError, SizeError, VocabularyError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.tasks.attempts import ATTEMPT, attempts
from moldiff.tasks.partial_molecule import PartialMolecule, check_domain, check_domains

WATER = Molecule(
    np.array([8, 1, 1]),
    np.zeros(3, np.int64),
    np.array([[0.0, 0, 0], [0, 0, 0.96], [0.93, 0, -0.24]]),
    np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]]),
    name="water",
    properties={"mine": 1},
)
ALL = PartialMolecule.of(WATER, "pos", "atom", "bond")


def test_part_far_from_the_origin_comes_back_to_where_it_was(generator: MoleculeGenerator):
    far = replace(WATER, pos=WATER.pos + 500)
    part = PartialMolecule.of(far, "pos", "atom")
    known = part.known(generator.bundle.vocabulary)
    assert known.values.pos.mean(1).abs().max() < 1e-5
    (sample,) = generator.complete([known], num_steps=3)
    back = part.restore(sample)
    assert back.molecule is not None
    assert (back.molecule.pos == far.pos).all()
    assert back.molecule.name == "water"
    assert {"mine", "seed", "index"} <= back.molecule.properties.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos": WATER.pos + np.array([0, 0, 0.002])}, "moved"),
        ({"elements": np.array([7, 1, 1])}, "element or charge"),
        ({"charges": np.array([1, 0, 0])}, "element or charge"),
        ({"bond": np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]])}, "bond"),
    ],
)
def test_broken_promise_is_a_failure(change: dict, message: str):
    assert ALL.find_breach(WATER) is None
    assert ALL.find_breach(replace(WATER, pos=WATER.pos + 0.0005)) is None
    broken = ALL.find_breach(replace(WATER, **change))
    assert isinstance(broken, Failure)
    assert broken.reason == "changed"
    assert message in broken.detail
    sample = Sample(0, Failure("other", ""), replace(WATER, pos=WATER.pos - WATER.pos.mean(0)))
    assert not isinstance(ALL.restore(sample).result, Failure) or ALL.restore(sample).result.reason == "other"


def test_what_the_weights_do_not_know_is_refused(generator: MoleculeGenerator):
    check_domain(generator, WATER)
    with pytest.raises(VocabularyError, match=r"water.*atom 1 is S"):
        check_domain(generator, replace(WATER, elements=np.array([16, 1, 1])), allow_extrapolation=True)
    many = Molecule(np.ones(60, np.int64), np.zeros(60, np.int64), np.zeros((60, 3)), np.zeros((60, 60), np.int64))
    with pytest.raises(SizeError, match="60 atoms with hydrogens; these weights know 3 to 29"):
        check_domain(generator, many, "coordinates")
    with pytest.warns(UserWarning, match=r"1 of 2 molecules are unlike .* molecule: 60 atoms"):
        check_domains(generator, [WATER, many], allow_extrapolation=True)


def test_samples_do_not_depend_on_the_parts_beside_them(generator: MoleculeGenerator, molecules: list[Molecule]):
    vocabulary = generator.bundle.vocabulary
    parts = [PartialMolecule.of(m, "atom").known(vocabulary) for m in molecules[:12]]
    whole = list(generator.complete(parts, num_steps=3))
    some = list(generator.complete(parts[5:8], indices=[5, 6, 7], num_steps=3, options=SamplingOptions(batch_size=1)))
    assert [sample.index for sample in some] == [5, 6, 7]
    for one, other in zip(whole[5:8], some, strict=True):
        assert one.molecule is not None
        assert other.molecule is not None
        assert (one.molecule.pos == other.molecule.pos).all()
        assert (one.molecule.bond == other.molecule.bond).all()
    with pytest.raises(ConfigError, match="different numbers"):
        generator.complete(parts[:2], indices=[1, 1])


def test_only_what_failed_is_drawn_again_with_numbers_of_its_own(generator: MoleculeGenerator):
    seen: list[tuple[int, int]] = []

    def ask(number: int, attempt: int) -> PartialMolecule:
        seen.append((number, attempt))
        return PartialMolecule.of(WATER, "pos", "atom", "bond")

    def correct(number: int, sample: Sample) -> Sample:
        assert sample.molecule is not None
        attempt = int(sample.molecule.properties["index"]) // ATTEMPT
        return sample if number == 0 or attempt else replace(sample, result=Failure("planted", ""))

    samples = list(attempts(generator, 3, ask, most=5, correct=correct, num_steps=2))
    assert [(s.index, s.valid) for s in samples] == [(0, True), (1, True), (2, True)]
    assert sorted(seen) == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)]


def test_interrupted_attempts_give_what_is_done(generator: MoleculeGenerator):
    calls = 0

    def step(count: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt

    going = attempts(
        generator,
        40,
        lambda number, attempt: PartialMolecule.of(WATER, "atom"),
        num_steps=4,
        options=SamplingOptions(batch_size=8, on_step=step),
    )
    done = []
    with pytest.raises(KeyboardInterrupt):
        done.extend(sample.index for sample in going)
    assert 0 < len(done) < 40


def test_who_stops_listening_stops_the_work(generator: MoleculeGenerator):
    going = attempts(generator, 4, lambda number, attempt: PartialMolecule.of(WATER, "atom"), num_steps=2)
    next(going)
    going.close()  # type: ignore[attr-defined]
    assert list(going) == []
