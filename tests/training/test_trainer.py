"""The folder of a run: who writes it, and what is refused."""

from pathlib import Path

import pytest

from moldiff.config.property import PropertyConfig
from moldiff.errors import ConfigError
from moldiff.training.trainer import CONFIG, begin, check_folder

ONE, TWO = PropertyConfig(), PropertyConfig(num_nodes=2)


@pytest.mark.parametrize(("config", "rank", "writes"), [(ONE, "0", True), (ONE, "1", True), (TWO, "1", False)])
def test_run_of_one_machine_writes_its_settings_whatever_the_environment_says(
    config: PropertyConfig, rank: str, writes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NODE_RANK", rank)  # clusters set it for every job
    check_folder(tmp_path, config, resume=False)
    begin(tmp_path, config)
    assert (tmp_path / CONFIG).exists() == writes
    if writes:
        with pytest.raises(ConfigError, match="holds a run already"):
            check_folder(tmp_path, config, resume=False)
