"""Loss on held-out molecules, loggers and callbacks of a run."""

import csv
import math
from pathlib import Path
from typing import Any

import lightning as pl
import pytest
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import CSVLogger
from typer.testing import CliRunner

import moldiff
from moldiff.build import build_denoiser
from moldiff.cli import app
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.property import PropertyConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError, TrainingError
from moldiff.training import lightning_trainer
from moldiff.training.callbacks import ScoredSamples
from moldiff.training.denoiser.validation import mean_losses
from moldiff.training.loader import ValidationBatches
from moldiff.training.loggers import LOGS
from moldiff.training.trainer import CHECKPOINT, CONFIG, VALIDATION, read_checkpoint

NETWORK = NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)
MODEL = ModelConfig(network=NETWORK)


def config(store_path: Path, **changes: Any) -> TrainingConfig:
    values = {"num_training_molecules": 250, "sample_minutes": 0, "pair_budget": 6000}
    values |= {"validation_interval": 5, "num_validation_molecules": 16, "warmup_steps": 0}
    return TrainingConfig(model=MODEL, data=str(store_path), **(values | changes))


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def run(store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lightning_trainer, "LOG_INTERVAL", 5)  # the run is short
        moldiff.train(config(store_path), folder, logger="csv")
    return folder


def test_validation_loss_is_written_at_intervals_and_falls(run: Path):
    found = rows(run / VALIDATION)
    assert [int(row["step"]) for row in found[:3]] == [5, 10, 15]
    assert list(found[0]) == ["step", "num_seen", "loss", "pos", "atom", "bond", "latent"]
    losses = [float(row["loss"]) for row in found]
    assert all(map(math.isfinite, losses))
    assert losses[-1] < losses[0]


def test_validation_leaves_the_training_as_it_is(run: Path, store_path: Path, tmp_path: Path):
    moldiff.train(config(store_path, validation_interval=0), tmp_path / "run")
    assert not (tmp_path / "run" / VALIDATION).exists()
    weights = [(folder / "bundle" / "model.safetensors").read_bytes() for folder in (run, tmp_path / "run")]
    assert weights[0] == weights[1]


def test_validation_loss_is_of_the_held_out_molecules_alone(store_path: Path):
    store = MoleculeStore(store_path)
    batches = ValidationBatches(config(store_path), store)
    held_out = [int(index) for row in batches.batches for index in row]
    assert len(held_out) == 16
    assert set(held_out) < set(store.split("valid"))
    denoiser = build_denoiser(MODEL, store.statistics, seed=0)
    one, two = (mean_losses(denoiser, denoiser.process, batches) for _ in range(2))
    assert one == two
    assert mean_losses(denoiser, denoiser.process, batches, seed=1) != one


def test_logger_by_name_logs_losses_rate_and_settings(run: Path):
    folder = run / LOGS / "version_0"
    found = rows(folder / "metrics.csv")
    assert {"loss", "val_loss"} <= found[0].keys()
    assert any(name.startswith("lr-") for name in found[0])
    assert "num_training_molecules: 250" in (folder / "hparams.yaml").read_text()


class LastLoss(pl.Callback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.values.append(float(trainer.callback_metrics["val_loss"]))


def test_predictor_takes_a_logger_and_callbacks(store_path: Path, tmp_path: Path):
    seen = LastLoss()
    settings = PropertyConfig(
        network=NETWORK, data=str(store_path), targets=("gap",), num_training_molecules=200, validation_interval=5
    )
    moldiff.train_predictor(settings, tmp_path / "run", logger=CSVLogger(tmp_path, name="mine"), callbacks=[seen])
    assert [float(row["loss"]) for row in rows(tmp_path / "run" / VALIDATION)] == pytest.approx(seen.values, abs=1e-5)
    assert (tmp_path / "mine" / "version_0" / "metrics.csv").exists()


def test_early_stopping_ends_a_run_as_its_length_does(store_path: Path, tmp_path: Path):
    folder, stop = tmp_path / "run", EarlyStopping("val_loss", min_delta=1e9, patience=1)
    result = moldiff.train(config(store_path), folder, callbacks=[stop])
    assert read_checkpoint(folder / CHECKPOINT)["global_step"] == 10
    assert "averaged weights after 1" in (result.bundle / "card.md").read_text()  # not 250
    moldiff.train(config(store_path, num_training_molecules=160), folder, resume=True)
    assert read_checkpoint(folder / CHECKPOINT)["global_step"] > 10


def test_run_that_no_callback_of_the_user_stopped_was_interrupted(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def stop(self: ScoredSamples, trainer: pl.Trainer, *_: Any) -> None:
        trainer.should_stop = True

    monkeypatch.setattr(ScoredSamples, "on_train_batch_end", stop)
    with pytest.raises(TrainingError, match="go on with --resume"):
        moldiff.train(config(store_path), tmp_path / "run")
    assert (tmp_path / "run" / CHECKPOINT).is_file()


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_missing_logger_is_named_before_the_run_begins(
    name: str, store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("moldiff.runtime.optional.find_spec", lambda name: None)
    message = f"logger {name} needs the package {name}: pip install 'moldiff[{name}]'"
    settings = ["--set", f"data={store_path}", "--out", str(tmp_path / "run")]
    for command in ("train", "train-predictor", "distill"):
        result = CliRunner().invoke(app, [command, *settings, "--logger", name])
        assert (result.exit_code, result.stderr) == (1, f"moldiff: {message}\n")
    assert not (tmp_path / "run" / CONFIG).exists()


def test_unknown_logger_is_named_before_the_run_begins(store_path: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="logger 'mlflow': expected one of csv, tensorboard, wandb"):
        moldiff.train(config(store_path), tmp_path / "run", logger="mlflow")
    assert not (tmp_path / "run" / CONFIG).exists()
