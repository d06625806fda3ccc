"""A run as a user starts it: killed, resumed, broken by its loss, and what it leaves."""

import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from checkpoints import equal, state
from processes import free_port, kill_one_worker, wait_for

import moldiff.training.denoiser.forgetting
import moldiff.training.denoiser.module
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.config.training import LossConfig, TrainingConfig
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError, OutputError, TrainingError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.bundle import load_pretrained
from moldiff.training.denoiser.losses import Losses
from moldiff.training.denoiser.run import FORGOTTEN, SCORES, train
from moldiff.training.loader import TrainingBatches
from moldiff.training.origin import BUNDLE
from moldiff.training.trainer import CHECKPOINT, read_checkpoint

TINY = ModelConfig(network=NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2))


def settings(store: Path, **changes) -> TrainingConfig:
    values = {
        "num_training_molecules": 1000,
        "checkpoint_minutes": 60,
        "sample_minutes": 0,
        "num_threads": 1,
        **changes,
    }
    return TrainingConfig(model=TINY, data=str(store), **values)


@pytest.fixture(autouse=True)
def few_old_molecules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fine-tuning forgets is measured on few molecules."""
    monkeypatch.setattr(moldiff.training.denoiser.forgetting, "COUNT", 16)


@pytest.fixture(scope="module")
def whole(store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from begin to end."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(settings(store_path), folder)
    return folder


def start(folder: Path, config: Path, *more: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "moldiff", "train", "--out", str(folder), "--config", str(config), *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | environment,
    )


def test_run_killed_in_the_middle_resumes_bit_for_bit(whole: Path, store_path: Path, tmp_path: Path):
    config, folder = tmp_path / "config.json", tmp_path / "run"
    config.write_text(json.dumps(settings(store_path, checkpoint_minutes=0.002).model_dump()))
    process = start(folder, config)
    deadline = time.monotonic() + 120
    while not (folder / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    reached = read_checkpoint(folder / CHECKPOINT)["global_step"]
    last = read_checkpoint(whole / CHECKPOINT)["global_step"]
    assert 0 < reached < last
    assert not equal(state(folder), state(whole))
    train(settings(store_path), folder, resume=True)
    assert read_checkpoint(folder / CHECKPOINT)["global_step"] == last
    assert equal(state(folder), state(whole))


def test_run_with_another_seed_differs(whole: Path, store_path: Path, tmp_path: Path):
    """Twin of the law above: equal weights are no matter of course."""
    train(settings(store_path, seed=1, num_training_molecules=100), tmp_path / "one")
    train(settings(store_path, seed=2, num_training_molecules=100), tmp_path / "two")
    assert not equal(state(tmp_path / "one"), state(tmp_path / "two"))


def test_run_keeps_its_checkpoint_when_interrupted(store_path: Path, tmp_path: Path):
    config, folder = tmp_path / "config.json", tmp_path / "run"
    config.write_text(json.dumps(settings(store_path, num_training_molecules=10**9).model_dump()))
    process = start(folder, config)
    metrics = folder / "metrics.csv"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_text().count("\n") > 1) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped by the user after" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert read_checkpoint(folder / CHECKPOINT)["global_step"] >= 50


def test_processes_stop_and_resume_bit_for_bit_as_machines_train(store_path: Path, tmp_path: Path):
    """Ctrl-C reaches both, ends both after one step, and what follows is what two machines come to at one go."""
    few = {"cooldown": 0.0, "pair_budget": 4000}
    config, stopped = tmp_path / "config.json", tmp_path / "stopped"
    endless = settings(store_path, num_processes=2, num_training_molecules=10**9, **few)
    config.write_text(json.dumps(endless.model_dump()))
    process = start(stopped, config)
    wait_for(stopped / "metrics.csv")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped by the user after" in errors.splitlines()[-1]
    seen = int(state(stopped)["num_seen"])
    steps = read_checkpoint(stopped / CHECKPOINT)["global_step"]
    dealt = TrainingBatches(MoleculeStore(store_path), budget=few["pair_budget"], seed=0, together=2)
    batches = itertools.islice(dealt, 2 * steps)
    assert seen == sum(len(batch.mask) for batch in batches)
    few["num_training_molecules"] = seen + 100
    train(settings(store_path, num_processes=2, **few), stopped, resume=True)
    config.write_text(json.dumps(settings(store_path, num_nodes=2, **few).model_dump()))
    port = free_port()
    running = [
        start(tmp_path / f"node{rank}", config, MASTER_ADDR="127.0.0.1", MASTER_PORT=port, NODE_RANK=str(rank))
        for rank in (0, 1)
    ]
    for process in running:
        process.communicate(timeout=200)
    assert [process.returncode for process in running] == [0, 0]
    reached = read_checkpoint(tmp_path / "node0" / CHECKPOINT)["global_step"]
    assert reached == read_checkpoint(stopped / CHECKPOINT)["global_step"] > steps
    assert equal(state(tmp_path / "node0"), state(stopped))


def test_killed_process_leads_to_a_clear_end_and_the_run_goes_on(store_path: Path, tmp_path: Path):
    config, folder = tmp_path / "config.json", tmp_path / "run"
    together = {"num_processes": 2, "num_training_molecules": 10**9, "checkpoint_minutes": 0.01, "pair_budget": 4000}
    config.write_text(json.dumps(settings(store_path, **together).model_dump()))
    process = start(folder, config)
    wait_for(folder / CHECKPOINT)
    kill_one_worker(process)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"go on with --resume from {folder / CHECKPOINT}" in errors.splitlines()[-1]
    seen = int(state(folder)["num_seen"])
    longer = settings(store_path, **{**together, "num_training_molecules": seen + 100})
    train(longer, folder, resume=True)
    assert int(state(folder)["num_seen"]) >= seen + 100


def test_run_ends_with_a_bundle_of_the_averaged_weights(whole: Path, store_path: Path):
    bundle = load_pretrained(whole / BUNDLE)
    weights = state(whole)
    for name, tensor in bundle.denoiser.state_dict().items():
        assert torch.equal(tensor, weights[f"average.module.{name}"])
    changed = [n for n, t in bundle.denoiser.state_dict().items() if not torch.equal(t, weights[f"denoiser.{n}"])]
    assert len(changed) > 10
    assert bundle.statistics.score is not None
    assert bundle.statistics.score["rates"]["valid"]["value"] == 1.0
    assert "1,0" in bundle.card
    assert len(MoleculeGenerator(bundle).sample(3, num_steps=2)) == 3


def test_run_scores_samples_without_changing_the_weights(whole: Path, store_path: Path, tmp_path: Path):
    sampler = SamplerConfig(num_steps=2)
    scored = settings(store_path, sample_minutes=0.02, num_scored=2, sampler=sampler, chemistry="qm9")
    train(scored, tmp_path / "run")
    assert equal(state(tmp_path / "run"), state(whole))
    with (tmp_path / "run" / SCORES).open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert 0 <= float(rows[0]["valid"]) <= 1
    assert {"joint", "plausible", "rings_known"} <= set(rows[0])
    assert int(rows[-1]["num_seen"]) > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_run_stops_at_a_loss_that_is_not_finite(
    value: float, store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls, right = [], moldiff.training.denoiser.module.losses

    def broken(*args, **kwargs) -> Losses:
        calls.append(1)
        parts = right(*args, **kwargs)
        return parts if len(calls) <= 5 else Losses(parts.pos * value, parts.atom, parts.bond, parts.latent)

    monkeypatch.setattr(moldiff.training.denoiser.module, "losses", broken)
    with pytest.raises(TrainingError, match=r"step 5: loss is (nan|inf|-inf).*the last good checkpoint is kept"):
        train(settings(store_path, checkpoint_minutes=1e-9, pair_budget=2000), tmp_path / "run")
    checkpoint = read_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert checkpoint["global_step"] == 5
    assert all(bool(torch.isfinite(tensor).all()) for tensor in checkpoint["state_dict"].values())
    assert not (tmp_path / "run" / BUNDLE).exists()
    monkeypatch.setattr(moldiff.training.denoiser.module, "losses", right)
    train(settings(store_path, num_training_molecules=200, pair_budget=2000), tmp_path / "run", resume=True)


def test_run_stops_at_a_gradient_that_is_not_finite(store_path: Path, tmp_path: Path):
    with pytest.raises(TrainingError, match=r"not finite|loss is"):
        train(settings(store_path, loss=LossConfig(pos=1e38, pos_floor=1e-20)), tmp_path / "run")


def test_run_refuses_a_folder_with_a_run_and_one_without(whole: Path, store_path: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="holds a run already"):
        train(settings(store_path), whole)
    with pytest.raises(ConfigError, match=r"no last\.ckpt to resume from"):
        train(settings(store_path), tmp_path / "none", resume=True)
    (whole / "x").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        train(settings(store_path), whole / "x" / "run")


def test_run_refuses_a_foreign_checkpoint(store_path: Path, tmp_path: Path):
    (tmp_path / CHECKPOINT).write_text("<html>Sign in</html>")
    with pytest.raises(ConfigError, match=r"last\.ckpt: no checkpoint"):
        train(settings(store_path), tmp_path, resume=True)


def test_run_starts_from_other_weights_and_adds_their_classes(hydrogen: Path, store_path: Path, tmp_path: Path):
    """Of the two, that which starts from the end of a run has less to learn; classes that H2 lacks are added."""
    base = {"num_training_molecules": 2000, "learning_rate": 1e-3}
    train(settings(store_path, **base), tmp_path / "first")
    train(settings(store_path, start=str(tmp_path / "first" / BUNDLE), **base), tmp_path / "second")
    first, second = (losses_of(tmp_path / name)[0] for name in ("first", "second"))
    assert second < 0.9 * first
    short = {"data": str(store_path), "start": str(hydrogen), "num_training_molecules": 100, "sample_minutes": 0}
    train(TrainingConfig(**short), tmp_path / "run")
    grown = load_pretrained(tmp_path / "run" / BUNDLE)
    assert grown.vocabulary.labels == MoleculeStore(store_path).vocabulary.labels
    assert grown.config == load_pretrained(hydrogen).config
    assert f"from the weights {hydrogen}" in grown.card
    train(TrainingConfig.from_json(tmp_path / "run" / "config.json"), tmp_path / "run", resume=True)
    wide = ModelConfig(network=NetworkConfig(atom=64))
    with pytest.raises(ConfigError, match="have a model of their own; leave 'model' out"):
        train(TrainingConfig(**short, model=wide), tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_fine_tuning_tells_what_it_forgets_and_learns_low_ranks(hydrogen: Path, store_path: Path, tmp_path: Path):
    """Training of a high rate on molecules without a bond of H2 raises the losses on H2; a low rank changes less."""
    start = {"data": str(store_path), "start": str(hydrogen), "num_training_molecules": 600, "learning_rate": 1e-2}
    losses = {}
    for low_rank in (0, 1):
        settings = TrainingConfig(**start, low_rank=low_rank, sample_minutes=0)
        train(settings, tmp_path / f"run{low_rank}")
        losses[low_rank] = json.loads((tmp_path / f"run{low_rank}" / FORGOTTEN).read_text())
        assert set(load_pretrained(tmp_path / f"run{low_rank}" / BUNDLE).denoiser.state_dict()) == set(
            load_pretrained(hydrogen).denoiser.state_dict()
        )
    assert losses[0]["before"] == losses[1]["before"]
    assert losses[0]["before"]["old_bond"] > 0
    assert losses[0]["after"]["old_bond"] > losses[0]["before"]["old_bond"]


def test_fine_tuning_on_fewer_elements_and_new_conditions(hydrogen: Path, weights: Path, tmp_path: Path):
    (tmp_path / "alkanes.csv").write_text("smiles,boils\n" + "".join(f"{'C' * k},{40 * k}\n" for k in range(1, 9)))
    prepare(tmp_path / "alkanes.csv", tmp_path / "alkanes")
    for start in (weights, hydrogen):
        settings = TrainingConfig(
            data=str(tmp_path / "alkanes"),
            start=str(start),
            num_training_molecules=50,
            sample_minutes=0,
            conditions=("boils",),
            low_rank=2,
        )
        train(settings, tmp_path / start.name)
        bundle = load_pretrained(tmp_path / start.name / BUNDLE)
        assert bundle.vocabulary.labels == ("H", "C")
        assert [condition.name for condition in bundle.statistics.conditions] == ["boils"]


def losses_of(run: Path) -> list[float]:
    with (run / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]
