"""A condition: labels, units, ranges, and what it says of the size of a molecule."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moldiff.conditions.categorical import CategoricalCondition
from moldiff.conditions.kinds import CONDITIONS, condition_from_dict, condition_to_dict, register_condition
from moldiff.conditions.labels import labels_of, values_of
from moldiff.conditions.scalar import ScalarCondition
from moldiff.errors import ConfigError, DataError
from moldiff.generation.sizes import size_weights
from moldiff.sampling.guidance import weights_of

RNG = np.random.default_rng(0)
SIZES = np.repeat([10, 20, 30], 400)
GAP = ScalarCondition.fit("gap", 12 - 0.2 * SIZES + RNG.normal(0, 0.5, 1200), SIZES, unit="eV")
NAMES = ["-1", "0", "1"]
CHARGE = CategoricalCondition.fit("charge", np.where(SIZES == 30, 2.0, RNG.integers(0, 2, 1200)), SIZES, classes=NAMES)
COUNTS = {10: 400, 20: 400, 30: 400}


@given(st.floats(-50, 50))
def test_label_and_value_are_inverse(value: float):
    assert GAP.decode(GAP.label(value)) == pytest.approx(value, abs=1e-9)


def test_labels_are_standardised():
    values = np.array([GAP.low, GAP.high, GAP.mean])
    assert [GAP.label(v) for v in values] == pytest.approx(list((values - GAP.mean) / GAP.std))
    assert GAP.label(GAP.mean) == 0


@pytest.mark.parametrize("text", ["6.5eV", "6.5", " 6.5 eV ", "+6.5eV", "0.65e1"])
def test_label_reads_a_number_with_its_unit(text: str):
    assert GAP.label(text) == pytest.approx(GAP.label(6.5))


@pytest.mark.parametrize("text", ["6.5meV", "6.5D", "high", "", "1e999", "nan"])
def test_label_refuses_what_is_no_value(text: str):
    with pytest.raises(ConfigError, match="condition gap="):
        GAP.label(text)


@pytest.mark.parametrize(("value", "place"), [("0", 1), ("+1", 2), (-1.0, 0), ("1", 2)])
def test_class_has_its_place_as_label(value: str | float, place: int):
    assert CHARGE.label(value) == place
    assert CHARGE.decode(float(place)) == ["-1", "0", "1"][place]


def test_unknown_class_is_refused():
    with pytest.raises(ConfigError, match="expected one of -1, 0, 1"):
        CHARGE.label("2")


def test_unknown_condition_is_refused_with_those_known():
    with pytest.raises(ConfigError, match="the weights know gap, charge"):
        labels_of([GAP, CHARGE], {"homo": 1})
    with pytest.raises(ConfigError, match="the weights know gap, charge"):
        weights_of([GAP, CHARGE], {"homo": 1.0}, [])


def test_labels_of_absent_targets_are_nan():
    labels = labels_of([GAP, CHARGE], {"charge": "0"})
    assert math.isnan(labels[0])
    assert labels[1] == 1
    assert values_of([GAP, CHARGE], labels) == {"charge": "0"}


def test_value_beyond_the_trained_range_is_named():
    assert GAP.outside(GAP.label(GAP.high)) is None
    line = GAP.outside(GAP.label(GAP.high + 1))
    assert line is not None
    assert f"trained on {GAP.range}" in line


def test_size_follows_the_targets():
    weights = size_weights([GAP, CHARGE], labels_of([GAP, CHARGE], {"gap": 12 - 0.2 * 20}), COUNTS)
    assert weights[20] > 100 * weights[10]
    assert weights[20] > 100 * weights[30]
    assert size_weights([GAP], [math.nan], COUNTS) == COUNTS


def test_size_follows_several_conditions_together():
    targets = {"gap": 12 - 0.2 * 25, "charge": "1"}
    weights = size_weights([GAP, CHARGE], labels_of([GAP, CHARGE], targets), COUNTS)
    assert weights[30] > 5 * weights[20]  # by the gap alone they are about as likely


def test_rare_size_borrows_from_all():
    values, sizes = np.append(RNG.normal(0, 1, 500), 8.0), np.append(np.full(500, 10), 11)
    rare = ScalarCondition.fit("x", values, sizes).by_size[11]
    assert rare[1] > 1


def test_condition_survives_json():
    for condition in (GAP, CHARGE):
        assert condition_from_dict(json.loads(json.dumps(condition_to_dict(condition)))) == condition


@pytest.mark.parametrize(
    "change", [{"std": 0}, {"std": float("nan")}, {"low": 99}, {"by_size": {}}, {"by_size": {"9": [1]}}, {"extra": 1}]
)
def test_condition_that_is_none_is_refused(change: dict):
    with pytest.raises(DataError, match="condition"):
        condition_from_dict({**GAP.to_dict(), **change})


def test_column_of_one_value_is_no_condition():
    with pytest.raises(DataError, match="1 value"):
        ScalarCondition.fit("x", np.array([1.0, 1.0, np.nan]), np.array([3, 4, 5]))


def test_guidance_weights_are_for_what_somebody_asks():
    rows = [[math.nan, math.nan], [0.5, math.nan]]
    assert weights_of([GAP, CHARGE], 3.0, rows) == (3.0, 0.0)
    assert weights_of([GAP, CHARGE], {"charge": 2.0}, [*rows, [0.0, 1.0]]) == (1.0, 2.0)


class LogCondition(ScalarCondition):
    """A positive number on a logarithmic scale."""

    kind = "log"

    def parse(self, value):
        number = super().parse(value)
        if number <= 0:
            raise ConfigError(f"condition {self.name}={value}: expected a positive number")
        return math.log(number)


def test_another_kind_is_registered_and_survives_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("moldiff.conditions.kinds.CONDITIONS", dict(CONDITIONS))
    condition = LogCondition.fit("x", RNG.normal(0, 1, 1200), SIZES)
    plain = json.loads(json.dumps(condition_to_dict(condition)))
    with pytest.raises(DataError, match="kind 'log' is not one of scalar, categorical"):
        condition_from_dict(plain)
    assert register_condition(LogCondition) is LogCondition
    register_condition(LogCondition)  # again is no harm
    assert condition_from_dict(plain) == condition
    assert type(condition_from_dict(plain)) is LogCondition
    with pytest.raises(ConfigError, match="another of that name"):
        register_condition(type("Other", (ScalarCondition,), {"kind": "log"}))
