import numpy as np
import pytest
import torch
from fcd_torch import FCD, calculate_frechet_distance

from moldiff.errors import MissingPackageError, WeightsError
from moldiff.metrics.chemistry import moments_of
from moldiff.metrics.chemistry_summary import CHEMNET_WIDTH
from moldiff.metrics.druglike import frechet_distance
from moldiff.pretrained import chemnet
from moldiff.pretrained.chemnet import chemnet_activations, chemnet_moments

ALKANES = ["C" * length for length in range(1, 60)]
ALCOHOLS = [f"{'C' * length}O" for length in range(1, 60)]
SOME = ["c1ccccc1Br", "CC(=O)[O-]", "[Se]", "C" * 400]  # an element that ChemNet does not know, and a long one


def test_activations_are_those_of_fcd_torch():
    wanted = FCD(device="cpu", canonize=False).get_predictions([*ALKANES, *SOME])
    ours = chemnet_activations([*ALKANES, *SOME], batch_size=7)
    assert ours.dtype == np.float32
    assert np.abs(ours - wanted).max() < 1e-5
    assert np.abs(ours[0] - ours[-1]).max() > 0.1


def test_activations_of_a_molecule_do_not_depend_on_the_others():
    assert np.array_equal(chemnet_activations(ALKANES[::-1])[::-1], chemnet_activations(ALKANES))
    assert np.array_equal(chemnet_activations(["CCO", "C", "CCO"])[[0, 1]], chemnet_activations(["CCO", "C"]))
    assert chemnet_activations([]).shape == (0, CHEMNET_WIDTH)


def test_what_is_left_out_beyond_the_end_changes_nothing():
    network = chemnet._load_network()
    for length in (1, 2, 3, 4, 5, 60, 330, 338, 339, 340, 342, 349, 350, 400):
        smiles = ["C" * length, "C" * max(1, length // 2)]
        with torch.inference_mode():
            wanted = network(chemnet._encode(smiles, chemnet.LENGTH)).numpy()
        assert np.abs(chemnet_activations(smiles) - wanted).max() < 1e-6


def test_moments_are_those_of_the_activations_of_all_molecules():
    counts = {"C": 3, "CC": 1, "CCO": 2}
    mean, covariance = moments_of(chemnet_activations([text for text, count in counts.items() for _ in range(count)]))
    ours = chemnet_moments(dict(reversed(counts.items())))
    assert np.allclose(ours[0], mean, atol=1e-9)
    assert np.allclose(ours[1], covariance, atol=1e-9)
    again = chemnet_moments(counts)
    assert np.array_equal(again[0], ours[0])
    assert np.array_equal(again[1], ours[1])


def test_frechet_distance_is_that_of_fcd_torch():
    one, two = (moments_of(chemnet_activations(smiles)) for smiles in (ALKANES, ALCOHOLS))
    wanted = calculate_frechet_distance(*one, *two)
    assert frechet_distance(one, two) == pytest.approx(wanted, rel=1e-4)
    assert wanted > 1
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)


def test_weights_that_would_run_code_are_refused(tmp_path, monkeypatch):
    class Code:
        def __reduce__(self):
            return (print, ("code has run",))

    path = tmp_path / "fcd_torch" / "__init__.py"
    path.parent.mkdir()
    path.touch()
    torch.save([("LSTM", Code())], path.with_name(chemnet.FILE))
    monkeypatch.setattr(chemnet, "find_spec", lambda name: type("Spec", (), {"origin": str(path)}))
    chemnet._load_network.cache_clear()
    try:
        with pytest.raises(WeightsError, match="install it again"):
            chemnet_activations(["C"])
    finally:
        chemnet._load_network.cache_clear()


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("moldiff.runtime.optional.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"fcd_torch.*score"):
        chemnet_activations(["C"])
