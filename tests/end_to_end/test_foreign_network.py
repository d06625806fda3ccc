"""A network from outside the package: the one of the documentation trains, is saved, loads and samples."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from cli_results import refused
from typer.testing import CliRunner, Result

import moldiff
from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.config.distillation import DistillationConfig
from moldiff.config.model import ModelConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError, WeightsError
from moldiff.io.formats import read_molecules
from moldiff.network.equivariance import assert_equivariant
from moldiff.pretrained.bundle import load_pretrained
from moldiff.training.denoiser.finetuning import transfer
from moldiff.training.denoiser.run import train

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
NAME = "my_network:Egnn"
LENGTH = ["--set", "num_training_molecules=400", "--set", "sample_minutes=0", "--set", "pair_budget=4000"]


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the code of the page."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (code,) = [block for block in blocks if "class Egnn" in block]
    folder = tmp_path_factory.mktemp("work")
    (folder / "my_network.py").write_text(code)
    return folder


@pytest.fixture(autouse=True)
def work(module_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(module_folder)


@pytest.fixture(scope="module")
def bundle(module_folder: Path, store_path: Path) -> Path:
    """Of some steps, by the ordinary command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.chdir(module_folder)
        out = module_folder / "run"
        width = ["--set", "model.network_options.width=16"]
        done = run("train", "--data", store_path, "--network", NAME, "--out", out, *LENGTH, *width)
    assert done.exit_code == 0, done.output
    return out / "bundle"


def test_foreign_network_samples_by_the_ordinary_command(bundle: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    done = run("sample", "--weights", bundle, "--network", NAME, "-n", 4, "--num-steps", 3, "--out", out)
    assert done.exit_code == 0, done.output
    assert sum(isinstance(record, Molecule) for _, record in read_molecules(out)) == 4


def test_foreign_network_completes_molecules(bundle: Path, tmp_path: Path):
    """A task asks for the class; weights that cannot be loaded are no fault of a molecule."""
    options = ["C2H6O", "--num-samples", 1, "--num-steps", 2, "--out", tmp_path / "x.sdf"]
    done = run("isomers", *options, "--weights", bundle, "--network", NAME)
    assert done.exit_code in (0, 3), done.output  # 3: it learnt too little for a valid one
    assert " of 1 molecules" in done.output
    without = run("isomers", *options, "--weights", bundle)
    refused(without, f"{bundle / 'config.json'}: the network is {NAME}", f"--network {NAME}")
    refused(run("isomers", *options, "--network", NAME), "name its weights by --weights")
    for command in (["conformers", "CCO"], ["decorate", "*CO"]):
        done = run(*command, "--weights", bundle, "--out", tmp_path / "x.sdf")
        refused(done, f"--network {NAME}")
        assert "record 1" not in done.output


def test_foreign_network_is_distilled(bundle: Path, store_path: Path, tmp_path: Path):
    """The student has the class that the user names, and asks for it again."""
    out = tmp_path / "student"
    length = ["num_training_molecules=60", "batches_per_update=2", "pair_budget=6000"]
    options = ["--data", store_path, "--num-steps", 2, *(word for one in length for word in ("--set", one))]
    refused(run("distill", "--weights", bundle, "--out", out, *options), f"--network {NAME}")
    assert not out.exists()
    done = run("distill", "--weights", bundle, "--network", NAME, "--out", out, *options)
    assert done.exit_code == 0, done.output
    assert f"moldiff sample --weights {out / 'bundle'} --network {NAME}" in done.output.replace("\n", "")
    assert load_pretrained(out / "bundle", network=import_module("my_network").Egnn).config.network_class == NAME
    settings = DistillationConfig.from_json(out / "config.json")
    assert settings.network_class == NAME
    with pytest.raises(WeightsError, match="network_class in settings"):
        moldiff.distill(settings.model_copy(update={"network_class": None}), tmp_path / "other")


def test_foreign_network_is_shown_and_exported(bundle: Path, tmp_path: Path):
    shown = run("info", bundle, "--network", NAME)
    assert shown.exit_code == 0, shown.output
    assert f"{NAME}, width 16" in shown.output
    refused(run("info", bundle), f"--network {NAME}")
    made = run("export", bundle.parent, "--out", tmp_path / "copy")
    assert made.exit_code == 0, made.output
    assert f"--network {NAME}" in made.output


def test_foreign_network_is_given_in_python(bundle: Path):
    egnn = import_module("my_network").Egnn
    generator = moldiff.from_pretrained(bundle, network=egnn)
    assert isinstance(generator.denoiser.network, egnn)
    assert generator.denoiser.network.atoms.out_features == 16
    fresh = egnn(atom_classes=5, atom_inputs=5, bond_inputs=4, label_classes=[], scale=1.4)
    assert_equivariant(fresh, atom_classes=5)


def test_bundle_imports_no_code_by_itself(bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delitem(sys.modules, "my_network", raising=False)
    with pytest.raises(WeightsError, match=f"the network is {NAME}, which is not imported from a bundle"):
        moldiff.from_pretrained(bundle)
    refused(run("sample", "--weights", bundle, "--out", tmp_path / "x.sdf"), f"--network {NAME}")
    assert "my_network" not in sys.modules


def test_bundle_refuses_another_class(bundle: Path, weights: Path):
    egnn = import_module("my_network").Egnn

    class Wider(egnn):
        def __init__(self, **options) -> None:
            super().__init__(**{**options, "width": 32})

    with pytest.raises(WeightsError, match=r"config\.json asks for"):
        load_pretrained(bundle, network=Wider)
    with pytest.raises(WeightsError, match="is no torch module with the methods"):
        load_pretrained(bundle, network=lambda **options: torch.nn.Linear(1, 1))
    with pytest.raises(WeightsError, match="unexpected keyword argument"):
        load_pretrained(bundle, network=lambda atom_classes: egnn)
    with pytest.raises(WeightsError, match="moldiff's own; leave network out"):
        load_pretrained(weights, network=egnn)


def test_foreign_network_is_fine_tuned(bundle: Path, store_path: Path, tmp_path: Path):
    """The run takes the class that the user names; known classes keep their weights in another order."""
    loaded = load_pretrained(bundle, network=import_module("my_network").Egnn)
    statistics = MoleculeStore(store_path).statistics
    labels = tuple(reversed(statistics.vocabulary))
    turned = transfer(loaded, type(statistics)(**{**vars(statistics), "vocabulary": labels}))
    old, new = loaded.denoiser.network.state_dict(), turned.network.state_dict()
    torch.testing.assert_close(new["atom_head.bias"].flip(0), old["atom_head.bias"], rtol=0, atol=0)
    done = run("train", "--data", store_path, "--start", bundle, "--out", tmp_path / "a", *LENGTH)
    refused(done, f"--network {NAME}")
    more = ["--network", NAME, "--low-rank", 2]
    done = run("train", "--data", store_path, "--start", bundle, "--out", tmp_path / "b", *LENGTH, *more)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("name", "message"),
    [("no_such_module:Net", "cannot be imported"), ("my_network:Net", "my_network has no Net")],
)
def test_unknown_network_is_refused_before_the_run(name: str, message: str, store_path: Path, tmp_path: Path):
    refused(run("train", "--data", store_path, "--network", name, "--out", tmp_path / "run"), message)
    assert not (tmp_path / "run").exists()


def test_settings_name_one_network(store_path: Path, tmp_path: Path):
    for values, message in (
        ({"network_class": "my_network"}, "network_class: .*pattern"),
        ({"network_options": {"width": 8}}, "name one, or leave them out"),
        ({"network_class": NAME, "network": {"num_blocks": 2}}, "leave network out"),
    ):
        with pytest.raises(ConfigError, match=message):
            ModelConfig.parse(values, source="test")
    config = TrainingConfig(model=ModelConfig(network_class=NAME, network_options={"height": 3}), data=str(store_path))
    with pytest.raises(ConfigError, match="unexpected keyword argument 'height'"):
        train(config, tmp_path / "run")
