"""A student as a user trains it: it gets better at what is rewarded, stops, resumes, and is refused with one line."""

import csv
import json
from pathlib import Path

import pytest
from checkpoints import equal, state
from typer.testing import CliRunner

from moldiff.cli import app
from moldiff.config.distillation import DistillationConfig
from moldiff.errors import ConfigError, TrainingError
from moldiff.pretrained.bundle import load_pretrained
from moldiff.training.distillation.run import distill
from moldiff.training.origin import BUNDLE

SAMPLER = {"num_steps": 3, "resample": 1.0, "eta": 0.5, "grid_end": 0.05}


def settings(teacher: Path, **changes) -> DistillationConfig:
    values = {
        "num_training_molecules": 2048,
        "batches_per_update": 2,
        "pair_budget": 256,
        "num_threads": 1,
        "density_ratio_weight": 0.0,
        **changes,
    }
    return DistillationConfig(teacher=str(teacher), **{"sampler": SAMPLER, **values})


def test_student_makes_what_is_valid_likelier(hydrogen: Path, tmp_path: Path):
    distill(settings(hydrogen, num_training_molecules=10_000, learning_rate=3e-3, pair_budget=1024), tmp_path / "run")
    with (tmp_path / "run" / "metrics.csv").open() as file:
        valid = [float(row["valid"]) for row in csv.DictReader(file)]
    assert sum(valid[-3:]) / 3 > sum(valid[:3]) / 3 + 0.05
    student = load_pretrained(tmp_path / "run" / BUNDLE)
    assert student.sampler.num_steps == 3
    assert "own molecules" in student.card


def test_student_resumes_bit_for_bit(hydrogen: Path, tmp_path: Path):
    half = settings(hydrogen, num_training_molecules=256, cooldown=0.0)
    whole = settings(hydrogen, num_training_molecules=512, cooldown=0.0)
    distill(half, tmp_path / "run")
    distill(whole, tmp_path / "run", resume=True)
    distill(whole, tmp_path / "whole")
    assert equal(state(tmp_path / "run"), state(tmp_path / "whole"))
    distill(settings(hydrogen, num_training_molecules=512, cooldown=0.0, seed=1), tmp_path / "other")
    assert not equal(state(tmp_path / "other"), state(tmp_path / "whole"))


def test_student_of_data_resumes_bit_for_bit(weights: Path, store_path: Path, tmp_path: Path):
    like = {"data": str(store_path), "density_ratio_weight": 1.0, "ring_ratio_weight": 1.0, "cooldown": 0.0}
    like["pair_budget"] = 1024
    distill(settings(weights, num_training_molecules=4, **like), tmp_path / "run")
    distill(settings(weights, num_training_molecules=12, **like), tmp_path / "run", resume=True)
    distill(settings(weights, num_training_molecules=12, **like), tmp_path / "whole")
    whole = state(tmp_path / "whole")
    assert whole["likeness.drawn"].sum() > 0
    assert whole["ring_likeness.drawn"].sum() > 0
    assert equal(state(tmp_path / "run"), whole)
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(-3 <= float(row[name]) <= 3 for row in rows for name in ("likeness", "ring_likeness"))


def test_data_of_other_atoms_than_the_teachers_are_refused(hydrogen: Path, store_path: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"atom classes H, C, .*those of .*hydrogen' are H;.*density_ratio_weight=0"):
        distill(settings(hydrogen, data=str(store_path), density_ratio_weight=1.0), tmp_path / "run")
    with pytest.raises(ConfigError, match="data 'nowhere': no prepared store"):
        distill(settings(hydrogen, data="nowhere", density_ratio_weight=1.0), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_processes_share_the_trajectories(hydrogen: Path, tmp_path: Path):
    distill(settings(hydrogen, num_training_molecules=256, num_processes=2), tmp_path / "two")
    distill(settings(hydrogen, num_training_molecules=256), tmp_path / "one")
    assert state(tmp_path / "two")["num_seen"] == state(tmp_path / "one")["num_seen"]


def test_student_of_another_solver_is_refused_before_anything_is_made(hydrogen: Path, tmp_path: Path):
    for changes in ({"solver": "ddim"}, {"classes": "leaping"}, {"churn": 0.2}):
        with pytest.raises(ConfigError, match="only the solver 'multistep'"):
            distill(settings(hydrogen, sampler={**SAMPLER, **changes}), tmp_path / "run")
    with pytest.raises(ConfigError, match="sampler of the student: unknown key 'num_step'; did you mean 'num_steps'"):
        distill(settings(hydrogen, sampler={"num_step": 3}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_losses_that_are_no_numbers_end_the_run(hydrogen: Path, tmp_path: Path):
    with pytest.raises(TrainingError, match="lower learning_rate"):
        distill(settings(hydrogen, learning_rate=1e30, warmup_steps=0, clip=1e30), tmp_path / "run")


def test_distill_on_the_command_line(hydrogen: Path, tmp_path: Path):
    def run(*args: object):
        return CliRunner().invoke(app, ["distill", *map(str, args)])

    given = ["--weights", hydrogen, "--data", "mine", "--num-steps", 4, "--set", "sampler.eta=0.5"]
    shown = run("--out", tmp_path / "run", *given, "--show")
    values = json.loads(shown.stdout)
    assert values["teacher"] == str(hydrogen)
    assert values["data"] == "mine"
    assert values["sampler"]["num_steps"] == 4
    assert values["sampler"]["eta"] == 0.5
    assert not (tmp_path / "run").exists()
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings(hydrogen, num_training_molecules=256).model_dump()))
    done = run("--out", tmp_path / "run", "--config", config)
    assert done.exit_code == 0, done.output
    assert "next: moldiff sample --weights" in done.stdout
    again = run("--out", tmp_path / "run", "--config", config)
    assert again.exit_code == 1
    assert "holds a run already" in again.stderr
    odd = run("--out", tmp_path / "odd", "--config", config, "--set", "num_processes=3")
    assert "must be a multiple of 3 processes" in odd.stderr
