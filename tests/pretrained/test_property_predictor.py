"""A predictor as a user meets it: trained, resumed, loaded, used, and inside the bundle of a generator."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from cli_results import refused
from typer.testing import CliRunner, Result

from moldiff.chem.molecule import Molecule
from moldiff.cli import _sampling, app
from moldiff.config.model import NetworkConfig
from moldiff.config.property import PropertyConfig
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError, WeightsError, WorkerError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.io.formats import read_molecules
from moldiff.pretrained.property_predictor import FOLDER, PropertyPredictor
from moldiff.training.property.run import train_predictor

TINY = NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def config(store_path: Path, **changes) -> PropertyConfig:
    values = {
        "targets": ("gap", "alpha"),
        "num_training_molecules": 3000,
        "pair_budget": 4000,
        "warmup_steps": 10,
        **changes,
    }
    return PropertyConfig(network=TINY, data=str(store_path), **values)


@pytest.fixture(scope="module")
def molecules(store_path: Path) -> list[Molecule]:
    store = MoleculeStore(store_path)
    return [store.molecule(i) for i in range(len(store))]


def test_predictor_is_better_than_the_mean_and_says_how_good(predictor_weights: Path, molecules: list[Molecule]):
    predictor = PropertyPredictor.from_pretrained(predictor_weights)
    values = predictor.predict(molecules)
    assert [target.name for target in predictor.targets] == ["gap", "alpha"]
    for column, name in enumerate(("gap", "alpha")):
        true = np.array([molecule.properties[name] for molecule in molecules])
        plain = np.abs(true - true.mean()).mean()
        assert np.abs(values[:, column] - true).mean() < 0.6 * plain
        assert predictor.errors[name] < plain
    assert "| gap |" in predictor.card


def test_prediction_does_not_depend_on_what_is_beside(predictor_weights: Path, molecules: list[Molecule]):
    predictor = PropertyPredictor.from_pretrained(predictor_weights)
    whole = predictor.predict(molecules[:30])
    for start in range(0, 30, 10):
        np.testing.assert_array_equal(predictor.predict(molecules[start : start + 10]), whole[start : start + 10])


def test_unknown_atoms_have_no_prediction(predictor_weights: Path, molecules: list[Molecule]):
    bromine = replace(molecules[0], elements=np.where(molecules[0].elements == 1, 35, molecules[0].elements))
    values = PropertyPredictor.from_pretrained(predictor_weights).predict([molecules[1], bromine])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()


def test_interrupted_training_goes_on_bit_for_bit(store_path: Path, predictor_weights: Path, tmp_path: Path):
    train_predictor(config(store_path, num_training_molecules=100, cooldown=0.0), tmp_path / "run")
    train_predictor(config(store_path, num_training_molecules=200, cooldown=0.0), tmp_path / "run", resume=True)
    train_predictor(config(store_path, num_training_molecules=200, cooldown=0.0), tmp_path / "whole")
    parts = [(tmp_path / name / "bundle" / "model.safetensors").read_bytes() for name in ("run", "whole")]
    assert parts[0] == parts[1]
    assert parts[0] != (predictor_weights / "model.safetensors").read_bytes()


def test_errors_are_counted_where_there_are_values(sample_sdf: Path, store_path: Path, tmp_path: Path):
    store = MoleculeStore(store_path)
    known = store.split("train")[:50]
    (tmp_path / "more.csv").write_text("name,x\n" + "".join(f"{store.molecule(i).name},{i}\n" for i in known.tolist()))
    with pytest.warns(UserWarning, match="150 of 200 molecules have no line"):
        prepare(sample_sdf, tmp_path / "store", join=tmp_path / "more.csv")
    predictor = train_predictor(
        config(tmp_path / "store", targets=("x",), num_training_molecules=100), tmp_path / "run"
    )
    assert predictor is not None
    assert predictor.errors["x"] > 0


def test_classes_cannot_be_predicted(store_path: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="classes cannot be predicted"):
        train_predictor(config(store_path, targets=("rings:classes",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_bundle_of_another_kind_is_refused(predictor_weights: Path, weights: Path, tmp_path: Path):
    with pytest.raises(WeightsError, match="holds the weights of a generator"):
        PropertyPredictor.from_pretrained(weights)
    shutil.copytree(predictor_weights, tmp_path / "x")
    config = json.loads((predictor_weights / "config.json").read_text())
    config["network"]["atom"] = 24
    (tmp_path / "x" / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="asks for"):
        PropertyPredictor.from_pretrained(tmp_path / "x")


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ({"gap": 0.1}, "config.json has errors of gap, statistics.json the numbers gap, alpha"),
        ({"gap": -1}, "errors.gap"),
    ],
)
def test_errors_of_other_properties_are_refused(
    errors: dict[str, float], message: str, predictor_weights: Path, tmp_path: Path
):
    folder = Path(shutil.copytree(predictor_weights, tmp_path / "bad"))
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "errors": errors}))
    with pytest.raises(WeightsError, match=message):
        PropertyPredictor.from_pretrained(folder)


def test_reward_model_that_is_not_whole_is_refused(weights: Path, predictor_weights: Path, tmp_path: Path):
    folder = Path(shutil.copytree(weights, tmp_path / "both"))
    shutil.copytree(predictor_weights, folder / "predictor")
    (folder / "predictor" / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"predictor: is no complete weights bundle, model\.safetensors is missing"):
        PropertyPredictor.inside(folder)


def test_user_predicts(predictor_weights: Path, sample_sdf: Path, tmp_path: Path):
    result = run("predict", sample_sdf, "--weights", predictor_weights, "--out", tmp_path / "x.sdf")
    assert result.exit_code == 0, result.output
    assert "200 of 200 records" in result.stdout
    records = [record for _, record in read_molecules(tmp_path / "x.sdf") if isinstance(record, Molecule)]
    assert len(records) == 200
    for record in records:
        off = abs(float(record.properties["predicted_gap"]) - float(record.properties["gap"]))
        assert record.properties["error_gap"] == pytest.approx(off, abs=1e-4)
    refused(run("predict", sample_sdf, "--weights", tmp_path), "is no complete weights bundle")
    refused(
        run("predict", sample_sdf, "--weights", "qm9-fast"), "holds the weights of a generator, expected a predictor"
    )
    refused(
        run("sample", "--weights", predictor_weights, "--out", tmp_path / "y.sdf"),
        "holds a predictor of properties, expected",
    )


def test_info_tells_a_predictor(predictor_weights: Path):
    shown = run("info", predictor_weights)
    assert shown.exit_code == 0, shown.output
    assert "predicts" in shown.stdout
    assert "gap: " in shown.stdout


def test_user_trains_a_predictor(store_path: Path, tmp_path: Path):
    sizes = [f"--set=network.{key}={value}" for key, value in TINY.model_dump().items()]
    result = run(
        "train-predictor",
        "--data",
        store_path,
        "--target",
        "mu",
        "--out",
        tmp_path / "run",
        *sizes,
        "--set",
        "num_training_molecules=300",
    )
    assert result.exit_code == 0, result.output
    assert "mu: mean absolute error" in result.stdout


@pytest.mark.parametrize("together", [128, 4])
def test_generator_brings_its_reward_model(
    together: int, predictor_weights: Path, conditioned_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_sampling, "EVALUATED", together)
    bundle = shutil.copytree(conditioned_weights, tmp_path / "bundle")
    shutil.copytree(predictor_weights, bundle / FOLDER)
    drawn = run(
        "sample", "--weights", bundle, "--out", tmp_path / "x.sdf", "-n", 6, "--num-steps", 3, "--target", "gap=7eV"
    )
    assert drawn.exit_code == 0, drawn.output
    assert "Predicted properties" in drawn.stdout
    records = [record for _, record in read_molecules(tmp_path / "x.sdf")]
    assert len(records) == 6
    for record in records:
        assert isinstance(record, Molecule)
        assert record.properties["error_gap"] == pytest.approx(
            abs(float(record.properties["predicted_gap"]) - 7), abs=1e-4
        )
        assert "error_alpha" not in record.properties


def test_what_waits_for_the_evaluator_is_kept_when_sampling_fails(
    predictor_weights: Path, conditioned_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bundle = shutil.copytree(conditioned_weights, tmp_path / "bundle")
    shutil.copytree(predictor_weights, bundle / FOLDER)
    iterate = MoleculeGenerator.stream

    def failing(self: MoleculeGenerator, num_samples: int, **options) -> Iterator[Sample]:
        yield from islice(iterate(self, num_samples, **options), 3)
        raise WorkerError("a process died")

    monkeypatch.setattr(MoleculeGenerator, "stream", failing)
    drawn = run(
        "sample", "--weights", bundle, "--out", tmp_path / "x.sdf", "-n", 6, "--num-steps", 3, "--target", "gap=7eV"
    )
    refused(drawn, "a process died")
    records = [record for _, record in read_molecules(tmp_path / "x.sdf")]
    assert len(records) == 3
    assert all("predicted_gap" in record.properties for record in records if isinstance(record, Molecule))
