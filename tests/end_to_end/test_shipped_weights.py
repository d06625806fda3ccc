"""The weights inside the package do what the README says of them."""

from importlib.resources import files

import pytest

from moldiff.bundle import load_pretrained
from moldiff.chem.molecule import Failure
from moldiff.generator import MoleculeGenerator
from moldiff.scoring.score import Score

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generator() -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained("qm9", device="cpu")


def valid_share(results: list) -> float:
    return sum(not isinstance(result, Failure) for result in results) / len(results)


def test_shipped_weights_draw_valid_molecules(generator: MoleculeGenerator) -> None:
    """96 molecules at 25 evaluations: far above chance, with room for bad luck and other hardware."""
    assert valid_share(generator.sample(96, num_steps=25, seed=7)) > 0.8


def test_the_student_needs_no_more_than_eight_evaluations() -> None:
    student = MoleculeGenerator.from_pretrained("qm9-fast", device="cpu")
    assert student.bundle.sampler.num_steps == 8
    assert valid_share(student.sample(96, seed=7)) > 0.85
    assert valid_share(student.sample(96, seed=7, num_steps=2)) < 0.5  # of two it cannot make so many


def test_shipped_weights_fail_where_the_time_is_told_wrong(generator: MoleculeGenerator, monkeypatch) -> None:
    """The twin of the law above: a denoiser that always hears of pure noise draws nothing useful."""
    forward = generator.denoiser.forward

    def deaf(state, t, previous=None):
        late = type(t)(*((time > 0) * 1.0 for time in (t.pos, t.atom, t.bond)))
        return forward(state, late, previous)

    monkeypatch.setattr(generator.denoiser, "forward", deaf)
    assert valid_share(generator.sample(32, num_steps=25, seed=7)) < 0.5


@pytest.mark.parametrize("name", ["qm9", "qm9-fast"])
def test_shipped_weights_are_small_and_carry_their_data_row(name: str) -> None:
    folder = files("moldiff") / "weights" / name
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) < 16_000_000
    statistics = load_pretrained(name).statistics
    assert statistics.score is not None
    assert Score.from_dict(statistics.score).rates["valid"].value > 0.99
