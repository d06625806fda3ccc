import numpy as np
import pytest

from moldiff.metrics.druglike import druglike, frechet
from moldiff.metrics.score import score

SOME = ["CCO", "CCCO", "c1ccccc1", "CC#N", "CNC", "C1CC1O", "CC(=O)N"]


def test_frechet_distance_of_normal_samples_is_the_formula():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(200_000, 2)) * [2, 1] + [1, 0], rng.normal(size=(200_000, 2))
    assert frechet(ours, theirs) == pytest.approx(1 + (2 - 1) ** 2, abs=0.03)  # mean, and deviations 2 and 1
    assert frechet(ours * 1000, theirs * 1000) == pytest.approx(frechet(ours, theirs))  # whatever the units
    assert frechet(theirs, theirs) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_leaves_out_what_does_not_vary():
    rng = np.random.default_rng(0)
    theirs = np.concatenate([rng.normal(size=(100, 1)), np.ones((100, 1))], 1)
    assert frechet(theirs + np.array([0, 5]), theirs) == pytest.approx(0, abs=1e-9)
    assert np.isnan(frechet(theirs, np.ones((5, 2))))


def test_figures_are_means_of_the_valid_molecules():
    figures = druglike(SOME, set(SOME))
    assert figures["frechet"] == pytest.approx(0, abs=1e-6)
    assert 0 < figures["qed"] < 1 < figures["sa"]
    assert set(druglike(SOME)) == set(figures) - {"frechet"}
    assert druglike([], set(SOME)) == {}
    assert druglike(["CCCCCCCC"] * 3, set(SOME))["frechet"] > 1


def test_score_computes_descriptors_only_if_asked(embed):
    molecules = [embed("CCO"), embed("C[CH2]"), embed("CC")]
    result = score(molecules, with_druglike=True)
    assert result.druglike == druglike(["CCO", "CC"])
    assert score(molecules).druglike == {}
    assert result.to_dict()["druglike"]["qed"] == result.druglike["qed"]
