"""Settings: what is refused and how it is said, and that they survive a file."""

import json
import math
from pathlib import Path

import pytest

from moldiff.config.model import ModelConfig, ScheduleConfig
from moldiff.config.training import TrainingConfig
from moldiff.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lerning_rate": 1}, "run.json: unknown key 'lerning_rate'; did you mean 'learning_rate'?"),
        ({"model": {"network": {"atm": 8}}}, "unknown key 'model.network.atm'; did you mean 'atom'?"),
        ({"model": {"process": {"pos": {"exponnent": 2}}}}, "'model.process.pos.exponnent'; did you mean 'exponent'?"),
        ({"zzz": 1}, "unknown key 'zzz'; known keys: data, seed, num_training_molecules"),
        ({"learning_rate": 0}, "run.json: learning_rate: Input should be greater than 0, got 0"),
        ({"learning_rate": "fast"}, "learning_rate: .* valid number.*, got 'fast'"),
        ({"learning_rate": math.nan}, "learning_rate: .* got nan"),
        ({"learning_rate": math.inf}, "learning_rate: .* finite number, got inf"),
        ({"self_conditioning": 1.5}, "self_conditioning: .* less than or equal to 1, got 1.5"),
        ({"ema_length": 1.5}, "ema_length: .* less than or equal to 1"),
        ({"atom_time_exponent": [3, 1]}, "atom_time_exponent: .*the least comes first"),
        ({"precision": "half"}, "precision: Input should be 'auto', 'bf16' or 'float32', got 'half'"),
        ({"model": {"network": {"heads": 5}}}, "model.network: .*heads 5 must divide atom / 2 = 96 and vector = 16"),
        ({"model": {"process": {"pos": {"exponent": 2}}}}, "model.process.pos: .*a linear schedule has no exponent"),
        ({"model": {"network": {"longest_path": 1}}}, "model.network: .*longest_path 1: expected 0"),
        ({"model": {"bonds": "aromatic"}}, "model: .*bonds 'aromatic': needs representation 'latent'"),
        ({"model": {"network": {"latent_distances": True}}}, "latent_distances: needs representation 'latent'"),
        ({"model": {"decoder": {"longest_path": 6}}}, "model: .*decoder: has no longest_path"),
        ([1, 2], "run.json: config: .* valid dictionary"),
    ],
)
def test_settings_refuse_in_one_line(values: object, message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        TrainingConfig.parse(values, source="run.json")
    assert "\n" not in str(caught.value)


def test_settings_survive_a_file(tmp_path: Path):
    schedule = ScheduleConfig(kind="cosine", exponent=2.5)
    model = ModelConfig().model_copy(update={"process": ModelConfig().process.model_copy(update={"pos": schedule})})
    config = TrainingConfig(model=model, learning_rate=1 / 3, seed=5)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(config.model_dump()))
    assert TrainingConfig.from_json(path) == config
    assert TrainingConfig.from_json(path) != TrainingConfig()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "not a JSON file"),
        (b"", "not a JSON file"),
        (b"\xff\xfe\x00", "not a JSON file"),
        (b"[]", "dictionary"),
    ],
)
def test_settings_refuse_a_file_that_holds_none(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"run.json: .*{message}"):
        TrainingConfig.from_json(path)


def test_settings_refuse_a_missing_file(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.json: cannot be read: No such file"):
        TrainingConfig.from_json(tmp_path / "absent.json")


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        TrainingConfig().seed = 3  # type: ignore[misc]
