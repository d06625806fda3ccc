"""A run goes on from a whole checkpoint, on the data that it began with, or says in one line why not."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import VALUES, damaged_bytes

from moldiff.build import build_denoiser
from moldiff.config.distillation import DistillationConfig
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.property import PropertyConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.columns import conditioned
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError
from moldiff.pretrained.bundle import load_pretrained, save_pretrained
from moldiff.training.base_module import ORIGIN
from moldiff.training.denoiser.export import export
from moldiff.training.denoiser.module import DiffusionModule
from moldiff.training.denoiser.run import train
from moldiff.training.distillation.run import distill
from moldiff.training.origin import origin_of
from moldiff.training.property.run import train_predictor
from moldiff.training.trainer import CHECKPOINT, count_steps_done, read_checkpoint

NETWORK = NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)
OTHER = "the same again, or start a new run in another folder"
SHORT = {"sample_minutes": 0, "model": ModelConfig(network=NETWORK), "num_training_molecules": 100, "pair_budget": 4000}


def config(data: Path, **changes: Any) -> TrainingConfig:
    return TrainingConfig(data=str(data), **{**SHORT, **changes})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stores: `a`, the same again, one with chlorine in place of fluorine, one without, one of others."""
    folder = tmp_path_factory.mktemp("data")
    rows = [f"C{'C' * (i % 4)}O,m{i},{i % 7},{i % 5}" for i in range(24)]
    for name, more in (("a", "CCF"), ("again", "CCF"), ("chlorine", "CCCl"), ("fewer", "CCC"), ("moved", "CCCF")):
        (folder / "list.csv").write_text("smiles,name,x,y\n" + "\n".join(rows) + f"\n{more},last,3,4\n")
        prepare(folder / "list.csv", folder / name)
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(config(data / "a", conditions=("x",)), folder)
    return folder


def copied(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chlorine", "the run began with atom classes H, C, O, F, now H, C, O, Cl"),
        ("fewer", "the run began with atom classes H, C, O, F, now H, C, O;"),
        ("moved", "the run began with another data"),
    ],
)
def test_run_does_not_go_on_with_other_data(name: str, message: str, run: Path, data: Path, tmp_path: Path):
    folder = copied(run, tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=message) as caught:
        train(config(data / name, conditions=("x",), num_training_molecules=200), folder, resume=True)
    assert OTHER in str(caught.value)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_weights_are_not_exported_with_the_atoms_of_other_data(run: Path, data: Path, tmp_path: Path):
    folder, store = copied(run, tmp_path), Path(shutil.copytree(data / "a", tmp_path / "store"))
    text = (folder / "config.json").read_text().replace(str(data / "a"), str(store))
    (folder / "config.json").write_text(text)
    export(folder, tmp_path / "one")
    shutil.rmtree(store)
    shutil.copytree(data / "chlorine", store)
    with pytest.raises(ConfigError, match="now H, C, O, Cl"):
        export(folder, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_run_does_not_go_on_with_other_conditions_or_molecules(run: Path, data: Path, tmp_path: Path):
    folder = copied(run, tmp_path)
    with pytest.raises(ConfigError, match="began with conditions x, now y"):
        train(config(data / "a", conditions=("y",)), folder, resume=True)
    with pytest.raises(ConfigError, match="began with training molecules 21, now 10"):
        train(config(data / "a", conditions=("x",), part=(0, 0.5)), folder, resume=True)


def test_run_goes_on_with_the_same_data_prepared_again_elsewhere(run: Path, data: Path, tmp_path: Path):
    folder = copied(run, tmp_path)
    assert MoleculeStore(data / "a").fingerprint() == MoleculeStore(data / "again").fingerprint()
    train(config(data / "again", conditions=("x",), num_training_molecules=130), folder, resume=True)
    assert int(read_checkpoint(folder / CHECKPOINT)["state_dict"]["num_seen"]) >= 130


def test_run_of_an_older_version_goes_on_with_a_warning(run: Path, data: Path, tmp_path: Path):
    folder = copied(run, tmp_path)
    content = read_checkpoint(folder / CHECKPOINT)
    del content[ORIGIN]
    torch.save(content, folder / CHECKPOINT)
    unknown = "does not say which data the run began with"
    with pytest.warns(UserWarning, match=unknown), pytest.raises(ConfigError, match="now H, C, O, Cl"):
        train(config(data / "chlorine", conditions=("x",)), folder, resume=True)  # its bundle says what it knows
    shutil.rmtree(folder / "bundle")
    with pytest.warns(UserWarning, match=unknown), pytest.raises(ConfigError, match="of another network"):
        train(config(data / "fewer", conditions=("x",)), folder, resume=True)
    with pytest.warns(UserWarning, match=unknown):
        train(config(data / "a", conditions=("x",), num_training_molecules=101), folder, resume=True)


def test_predictor_does_not_go_on_with_other_data(data: Path, tmp_path: Path):
    values = {"network": NETWORK, "num_training_molecules": 100, "pair_budget": 4000, "targets": ("x",)}
    train_predictor(PropertyConfig(data=str(data / "a"), **values), tmp_path / "run")
    with pytest.raises(ConfigError, match="now H, C, O, Cl"):
        train_predictor(PropertyConfig(data=str(data / "chlorine"), **values), tmp_path / "run", resume=True)


def test_student_does_not_go_on_with_other_data_or_teacher(run: Path, data: Path, tmp_path: Path):
    bundle = load_pretrained(run / "bundle")
    teacher = tmp_path / "teacher"

    def save(vocabulary: tuple[str, ...]) -> None:
        statistics = replace(bundle.statistics, vocabulary=vocabulary)
        save_pretrained(teacher, bundle.denoiser, config=bundle.config, statistics=statistics, card="", overwrite=True)

    values = {
        "teacher": str(teacher),
        "num_training_molecules": 8,
        "pair_budget": 500,
        "batches_per_update": 1,
        "sampler": {"num_steps": 2},
        "num_threads": 1,
    }
    save(("H", "C", "O", "F"))
    short = DistillationConfig(data=str(data / "a"), **values)
    distill(short, tmp_path / "run")
    with pytest.raises(ConfigError, match="began with another data"):
        distill(short.model_copy(update={"data": str(data / "moved")}), tmp_path / "run", resume=True)
    save(("H", "C", "O", "Cl"))
    with pytest.raises(ConfigError, match="began with atom classes H, C, O, F, now H, C, O, Cl"):
        distill(short.model_copy(update={"data": str(data / "chlorine")}), tmp_path / "run", resume=True)


def change(**keys: Any) -> Callable[[dict], object]:
    return lambda content: content.update(keys)


def change_weights(do: Callable[[dict], object]) -> Callable[[dict], object]:
    return lambda content: do(content["state_dict"])


HEAD = "denoiser.network.atom_head.weight"
BAD: dict[str, tuple[Callable[[dict], object], str]] = {
    "no weights": (lambda c: c.pop("state_dict"), "has no 'state_dict'"),
    "no steps": (lambda c: c.pop("global_step"), "has no 'global_step'"),
    "steps in words": (change(global_step="17"), "'global_step' is '17'"),
    "more steps than molecules": (change(global_step=10**18), "'global_step' is 1000000000000000000"),
    "weights of one tensor": (change(state_dict=torch.ones(3)), "'state_dict' holds no tensors by name"),
    "foreign": (change(state_dict={"layer.weight": torch.ones(3)}), "no count of molecules 'num_seen'"),
    "no optimiser": (lambda c: c.pop("optimizer_states"), "'optimizer_states' is no list of 1"),
    "two optimisers": (lambda c: c["optimizer_states"].append({}), "'optimizer_states' is no list of 1"),
    "another optimiser": (change(optimizer_states=[{"state": {}, "param_groups": []}]), "'optimizer_states/0' has no"),
    "no schedule": (lambda c: c.pop("lr_schedulers"), "'lr_schedulers' is no list of 1"),
    "no loops": (change(loops=None), "'loops' is no dictionary"),
    "loops of another kind": (change(loops={"fit_loop": {"x": 1}}), "'loops' has no"),
    "no version": (lambda c: c.pop("pytorch-lightning_version"), "'pytorch-lightning_version' is None"),
    "origin in words": (change(**{ORIGIN: "a"}), f"'{ORIGIN}' is no dictionary"),
    "weight gone": (change_weights(lambda w: w.pop(HEAD)), f"has no '{HEAD}'; is it of another network"),
    "weight unknown": (change_weights(lambda w: w.update(x=torch.ones(1))), "has an unknown 'x'"),
    "another shape": (change_weights(lambda w: w.update({HEAD: torch.ones(9, 16)})), r"is \(9, 16\), torch.float32"),
    "another kind": (change_weights(lambda w: w.update({HEAD: w[HEAD].double()})), "torch.float64, expected"),
    "not a number": (change_weights(lambda w: w[HEAD].fill_(torch.nan)), "holds values that are not finite"),
    "moments of others": (
        lambda c: c["optimizer_states"][0]["adamw"]["state"][0].update(exp_avg=torch.ones(2)),
        "'optimizer_states/adamw/0' is",
    ),
    "rate": (
        lambda c: c["optimizer_states"][0]["adamw"]["param_groups"][0].update(lr=float("nan")),
        "'optimizer_states/0/adamw/param_groups/0/lr' is nan",
    ),
}


@pytest.fixture(scope="module")
def module(data: Path) -> DiffusionModule:
    """What the run goes on with."""
    store, chosen = MoleculeStore(data / "a"), config(data / "a", conditions=("x",))
    statistics, _ = conditioned(store, ["x"], store.split("train"))
    denoiser = build_denoiser(chosen.model, statistics)
    module = DiffusionModule(denoiser, denoiser.process, chosen)
    module.origin = origin_of(store, statistics)
    return module


@pytest.mark.parametrize("case", BAD)
def test_checkpoint_that_is_not_whole_is_one_clear_line(case: str, run: Path, module: DiffusionModule, tmp_path: Path):
    spoil, message = BAD[case]
    content = torch.load(run / CHECKPOINT, weights_only=True)
    spoil(content)
    torch.save(content, tmp_path / CHECKPOINT)
    with pytest.raises(ConfigError, match=message) as caught:
        count_steps_done(tmp_path / CHECKPOINT, module)
    assert str(tmp_path / CHECKPOINT) in str(caught.value)
    assert "start a new run in another folder" in str(caught.value)
    assert "\n" not in str(caught.value)


class _Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("raise SystemExit('code has run')",)


def test_checkpoint_runs_no_code(run: Path, data: Path, tmp_path: Path):
    folder = copied(run, tmp_path)
    torch.save({"state_dict": {}, "global_step": 0, "epoch": 0, "x": _Code()}, folder / CHECKPOINT)
    with pytest.raises(ConfigError, match="no checkpoint of a training run"):
        train(config(data / "a", conditions=("x",)), folder, resume=True)


@pytest.mark.parametrize("content", [b"", b"step 17\n", b"PK\x03\x04", b"\x80\x04\x95" + b"x" * 99])
def test_file_that_is_no_checkpoint_is_one_clear_line(content: bytes, run: Path, data: Path, tmp_path: Path):
    folder = copied(run, tmp_path)
    (folder / CHECKPOINT).write_bytes(content)
    for act in (lambda: train(config(data / "a"), folder, resume=True), lambda: export(folder, tmp_path / "out")):
        with pytest.raises(ConfigError, match=r"last\.ckpt: no checkpoint of a training run") as caught:
            act()
        assert "\n" not in str(caught.value)


def damaged_content(value: Any, rng: np.random.Generator) -> Any:
    """As `damage.damaged_value`, of what torch saves."""
    if isinstance(value, torch.Tensor):
        others = [value[:1] if value.ndim else value.float(), value.double(), value * torch.nan, -value - 1, None]
        return others[rng.integers(len(others))]
    inner = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list | tuple) else {}
    if not inner or rng.random() < 0.05:
        return VALUES[rng.integers(len(VALUES))]
    key = list(inner)[rng.integers(len(inner))]
    changed = {**inner, key: damaged_content(inner[key], rng)}
    if rng.random() < 0.1:
        del changed[key]
    return changed if isinstance(value, dict) else list(changed.values())


@pytest.mark.filterwarnings("ignore:.*does not say which data")
def test_checkpoint_that_is_taken_is_whole_whatever_was_done_to_it(
    run: Path, data: Path, module: DiffusionModule, tmp_path: Path
):
    folder = copied(run, tmp_path)
    checkpoint = folder / CHECKPOINT
    whole, content = checkpoint.read_bytes(), torch.load(checkpoint, weights_only=True)
    refused, taken = [], 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        if seed % 2:
            torch.save(damaged_content(content, rng), checkpoint)
        else:
            checkpoint.write_bytes(damaged_bytes(whole, rng))
        try:
            count_steps_done(checkpoint, module)
        except ConfigError as error:
            refused.append(str(error))
        else:
            taken += 1
            if taken % 5 == 0:
                train(config(data / "a", conditions=("x",), num_training_molecules=101), folder, resume=True)
    assert len(refused) > 60
    assert all(str(checkpoint) in text and "\n" not in text and len(text) < 500 for text in refused)
    assert taken > 3  # what nobody reads was damaged
