"""The same seed gives the same results as before, byte for byte; on other kinds of processors as good as that.

What the file has was made by `python tests/end_to_end/unchanged_results.py --write`.
"""

from collections.abc import Iterator
from dataclasses import replace

import golden
import numpy as np
import pytest
import torch
from golden import Results
from unchanged_results import CASES, conditions, draw, gradient_guidance, predict, training_step

pytestmark = pytest.mark.slow
ELSEWHERE = "a processor that nothing is recorded of"


@pytest.fixture(autouse=True, scope="module")
def shorten() -> None:
    """Not here: a batch of another shape changes the last bit."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The order in which threads add numbers up changes the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict]:
    return golden.read()


def test_record_has_the_cases(recorded: dict[str, dict]):
    assert recorded.keys() == CASES.keys()
    assert [len(recorded[name]["outcomes"]) for name in ("qm9", "qm9-fast", "druglike")] == [100] * 3
    assert all(len(set(recorded[name]["outcomes"])) > 30 for name in ("qm9", "qm9-fast", "druglike"))  # molecules, too
    assert len({value for case in recorded.values() for value in case["bytes"].values()}) >= len(CASES)


@pytest.mark.parametrize("name", CASES)
def test_results_are_unchanged(name: str, recorded: dict[str, dict]):
    assert not golden.differences(recorded[name], CASES[name](), where=golden.platform())


# ---- planted changes must be found


def test_sampling_that_is_changed_is_found():
    few, here = {"num_samples": 4, "num_steps": 6, "num_atoms": 12}, golden.platform()
    entry = entry_of(draw("qm9-fast", **few))
    assert not golden.differences(entry, draw("qm9-fast", **few), where=here)
    for change in ({"seed": 8}, {"changes": {"resample": 0.9}}, {"changes": {"eta": 0.299}}):
        changed = draw("qm9-fast", **few, **change)
        assert any("the bytes differ" in line for line in golden.differences(entry, changed, where=here)), change
        if "eta" not in change.get("changes", {}):  # so little less noise is within what processors differ by
            assert any("of 4 molecules" in line for line in golden.differences(entry, changed, where=ELSEWHERE)), change


@pytest.mark.parametrize("case", [conditions, gradient_guidance])
def test_another_seed_is_found_everywhere(case, recorded: dict[str, dict]):
    (entry,) = [recorded[name] for name, one in CASES.items() if one is case]
    changed = case(seed=8)
    for where in (golden.platform(), ELSEWHERE):
        assert golden.differences(entry, changed, where=where)


def test_another_seed_of_the_training_is_found(recorded: dict[str, dict]):
    changed = training_step(seed=8)
    for where in (golden.platform(), ELSEWHERE):
        assert golden.differences(recorded["training step"], changed, where=where)


def test_predictions_that_are_off_are_found(recorded: dict[str, dict]):
    name, found = "predictor inside qm9", predict("qm9", 20)
    off = replace(found, numbers=[*found.numbers[:-1], found.numbers[-1] + 0.2])
    assert not golden.differences(recorded[name], found, where=ELSEWHERE)
    assert golden.differences(recorded[name], off, where=ELSEWHERE)


def test_last_bit_is_found_where_bytes_are_recorded():
    pos = np.linspace(0.5, 2.0, 12, dtype=np.float32).reshape(4, 3)
    moved = pos.copy()
    moved[2, 1] = np.nextafter(moved[2, 1], np.float32(9))
    one, other = (golden.of_molecules([("C", (np.ones(4), np.zeros(4), np.eye(4), p))]) for p in (pos, moved))
    assert golden.differences(entry_of(one), other, where=golden.platform())
    assert not golden.differences(entry_of(one), other, where=ELSEWHERE)


def test_portable_form_allows_three_of_a_hundred_molecules():
    entry = entry_of(Results("", ["C"] * 100, [1.0] * 100))
    for count, found in ((3, False), (4, True)):
        other = Results("", ["O"] * count + ["C"] * (100 - count), [1.0] * 100)
        wider = Results("", ["C"] * 100, [1.1] * count + [1.0] * (100 - count))
        assert [bool(golden.differences(entry, one, where=ELSEWHERE)) for one in (other, wider)] == [found, found]
    assert golden.differences(entry, Results("", ["C"] * 99, [1.0] * 99), where=ELSEWHERE)


def test_tensors_in_another_order_are_the_same_and_others_are_not():
    one, two = torch.ones(2, 3), torch.zeros(3)
    assert golden.digest_of_tensors([one, two]) == golden.digest_of_tensors([two, one])
    assert golden.digest_of_tensors([one, two]) != golden.digest_of_tensors([one.T, two])
    assert golden.digest_of_tensors([one, two]) != golden.digest_of_tensors([one, two.double()])


def entry_of(results: Results) -> dict:
    return golden.entry(results, {golden.platform(): results.digest})
