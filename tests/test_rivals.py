"""The script that trains other families of generative models: its budget, its record, and molsets' networks."""

import csv
import importlib.util
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch

from moldiff.io.formats import read_molecules

SCRIPTS = Path(__file__).parents[1] / "scripts" / "benchmarks"
SMILES = ["CCO", "C1CC1", "CC(=O)N", "C#N", "c1ccncc1", "OCC(F)C=O"] * 8
needs_molsets = pytest.mark.skipif(
    importlib.util.find_spec("moses") is None, reason="molsets is not installed: pip install --no-deps molsets"
)


@pytest.fixture
def rivals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("rivals")


class Stopwatch:
    """A clock on which each batch takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def process_time(self) -> float:
        return self.now


class Network:
    """Notes the shares of the budget that it was trained in."""

    def __init__(self, rivals: ModuleType, clock: Stopwatch) -> None:
        self.model = torch.nn.Linear(1, 1, bias=False)
        self.weight = self.model.weight.data.zero_()
        self.optimizers, self.clock, self.runs = {}, clock, []
        self.phases = [
            rivals.Phase(name, share, epochs, ["batch"] * 3, partial(self.run, name))
            for name, share, epochs in (("first", 0.75, 3), ("second", 0.25, 100))
        ]

    def run(self, name: str, epoch: int, batches) -> dict[str, float | str]:
        for _ in batches:
            self.clock.now += 1
        self.runs.append((name, epoch, batches.count))
        self.weight += batches.count
        return {"loss": 1.0, "mode": "train"}


@pytest.fixture
def network(rivals, monkeypatch) -> Network:
    clock = Stopwatch()
    monkeypatch.setattr(rivals, "seed_all", lambda seed: None)
    for module in (rivals, importlib.import_module("rivals_models")):
        monkeypatch.setattr(module, "time", clock)
    return Network(rivals, clock)


def test_rivals_divide_the_budget_among_phases_and_epochs(rivals, network, tmp_path):
    progress = rivals.train(network, network.phases, tmp_path / "last.pt", minutes=1, seed=0)
    assert progress.seconds == 60
    assert network.runs[:3] == [("first", 0, 15), ("first", 1, 15), ("first", 2, 15)]
    # Epochs shorter than a batch: those that the batches before have used up are left out.
    assert progress.batches == {"first": 45, "second": 15}
    assert len(network.runs) == 3 + 15
    assert progress.losses == {"first": {"loss": 1.0}, "second": {"loss": 1.0}}


def test_rivals_go_on_where_they_were(rivals, network, tmp_path, monkeypatch):
    def cut_off(*_):
        raise KeyboardInterrupt

    file = tmp_path / "last.pt"
    monkeypatch.setattr(rivals, "SAVED_AFTER", 0)
    broken = [network.phases[0], rivals.Phase("second", 0.25, 100, ["batch"], cut_off)]
    with pytest.raises(KeyboardInterrupt):
        rivals.train(network, broken, file, minutes=1, seed=0)
    assert len(network.runs) == 3
    network.weight.zero_()  # the file has it
    assert rivals.train(network, network.phases, file, minutes=1, seed=0).seconds == 60
    assert [name for name, *_ in network.runs] == ["first"] * 3 + ["second"] * 15
    assert network.weight == 60
    assert rivals.train(network, network.phases, file, minutes=1, seed=0).seconds == 60
    assert len(network.runs) == 18  # nothing is left to train
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_rivals_record_every_smiles_that_was_requested(rivals, tmp_path):
    texts = ["CCO", "C1CC", "", "C.C", "C1=CC=CC=C1", "<pad>", "CC"]
    failures = rivals.write_embedded([(text, place) for place, text in enumerate(texts)], tmp_path)
    with (tmp_path / "smiles.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["smiles"] for row in rows] == texts
    assert [bool(row["reason"]) for row in rows] == [False, True, True, True, False, True, False]
    assert failures.total() == 4
    sizes = [len(molecule) for _, molecule in read_molecules(tmp_path / "samples.sdf")]
    assert sizes == [9, 12, 8]  # with hydrogens


@needs_molsets
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["char_rnn", "vae", "aae", "organ"])
def test_rivals_train_and_sample(rivals, name, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("rivals_models"), "BATCHES_FOR_DISCRIMINATOR", 4)

    def build():
        widths = ("hidden", "q_d_h", "d_d_h", "encoder_hidden_size", "decoder_hidden_size", "hidden_size")
        changes = {"n_batch": 4, "n_ref_subsample": 4, **dict.fromkeys(widths, 16)}
        return rivals.Rival(name, "".join(sorted(set("".join(SMILES)))), 12, changes)

    rivals.seed_all(0)
    rival, file = build(), tmp_path / "last.pt"
    before = {key: value.clone() for key, value in rival.model.state_dict().items()}
    progress = rivals.train(rival, rival.phases(SMILES), file, minutes=0.05, seed=0)
    after = rival.model.state_dict()
    parts = {key.split(".")[0] for key in after if not torch.equal(before[key], after[key])}
    assert parts == {key.split(".")[0] for key in after}
    assert progress.batches
    assert all(progress.batches.values())

    again = build()
    assert rivals.load(again, file) == progress
    texts = []
    for one in (rival, again):
        rivals.seed_all(1)
        texts.append(one.sample(20))
    assert texts[0] == texts[1]
    assert len(texts[0]) == 20
    assert len(set(texts[0])) > 5
    assert any(len(text) < 10 for text in texts[0])  # sequences end


def test_rivals_masks_are_boolean(rivals):
    shim = importlib.import_module("rivals_models").Torch()
    mask = shim.zeros(3, dtype=shim.uint8)
    mask[0] = 1
    assert torch.arange(3)[~mask].tolist() == [1, 2]
    assert (~torch.zeros(3, dtype=torch.uint8)).tolist() == [255] * 3  # why
