"""What one training step gives for a fixed seed; the part of `unchanged_results` that trains."""

import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from golden import Results, digest, digest_of_tensors
from unchanged_inputs import SEED, SIZES, random_weights, store

from moldiff.config.distillation import DistillationConfig
from moldiff.config.model import ModelConfig
from moldiff.config.property import PropertyConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.store.dataset import MoleculeStore
from moldiff.pretrained.bundle import load_pretrained
from moldiff.training.denoiser.run import train
from moldiff.training.distillation.run import distill
from moldiff.training.origin import BUNDLE
from moldiff.training.property.run import train_predictor
from moldiff.training.trainer import CHECKPOINT, read_checkpoint


def after_training(run: Path, *numbers: float) -> Results:
    """What one step made of the parameters and of their averages, with numbers that came of it."""
    content = read_checkpoint(run / CHECKPOINT)
    assert content["global_step"] == 1, "the run was meant to end after one step"
    tensors = list(content["state_dict"].values())
    size = sum(float(t.double().square().sum()) for t in tensors if t.is_floating_point()) ** 0.5
    return Results(digest_of_tensors(tensors), numbers=[round(number, 5) for number in (size, *numbers)])


ONE_STEP = {"num_training_molecules": 1, "precision": "float32", "num_threads": 1, "warmup_steps": 0, "cooldown": 0.0}


def training_step(*, seed: int = SEED) -> Results:
    """Conditions, tasks and self-conditioning are on, so that one step passes through all of them."""
    settings = TrainingConfig(
        model=ModelConfig(network=SIZES),
        data=str(store()),
        pair_budget=8000,
        seed=seed,
        sample_minutes=0,
        conditions=("gap", "rings:classes"),
        self_conditioning=1.0,
        inpainting_probability=0.5,
        inpainting_start=0.0,
        **ONE_STEP,
    )
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / "run"
        module = train(settings, run)
        with torch.no_grad():
            loss, parts = module.loss(MoleculeStore(store()).state(range(60, 76)), 1)
        found = after_training(run, *(float(number) for number in (loss, parts.pos, parts.atom, parts.bond)))
        bundle = load_pretrained(run / BUNDLE)
    whole = [found.digest, digest_of_tensors(bundle.denoiser.state_dict().values()), repr(bundle.sampler.x0_std)]
    return replace(found, digest=digest(part.encode() for part in whole))


def predictor_step(*, seed: int = SEED) -> Results:
    settings = PropertyConfig(
        network=SIZES, data=str(store()), targets=("gap", "alpha"), pair_budget=8000, seed=seed, **ONE_STEP
    )
    with tempfile.TemporaryDirectory() as run:
        trained = train_predictor(settings, Path(run) / "run")
        return after_training(Path(run) / "run", *trained.errors.values())


def distillation_step(*, seed: int = SEED) -> Results:
    settings = DistillationConfig(
        teacher=str(random_weights()),
        data=str(store()),
        batches_per_update=2,
        pair_budget=1024,
        seed=seed,
        sampler={"num_steps": 3, "resample": 1.0, "eta": 0.5, "grid_end": 0.05},
        **ONE_STEP,
    )
    with tempfile.TemporaryDirectory() as run:
        distill(settings, Path(run) / "run")
        return after_training(Path(run) / "run")
