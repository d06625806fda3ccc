"""The code of `docs/extending.md` runs, block after block, and what it adds does something."""

import builtins
import re
from pathlib import Path

import numpy as np
import pytest

import moldiff
from moldiff.conditions.kinds import CONDITIONS
from moldiff.data.sources.registry import SOURCES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(block: str, names: dict) -> dict:
    """What a block defines; it is compiled, and run as the module that it would be."""
    code = compile(block, "docs/extending.md", "exec")
    vars(builtins)["exec"](code, names)
    return names


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("page")
    (folder / "datasets").symlink_to(ROOT / "datasets")
    names: dict = {"__name__": "page"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("moldiff.conditions.kinds.CONDITIONS", CONDITIONS)
        try:
            for block in BLOCKS:
                run(block, names)
            yield names | {"folder": folder}
        finally:
            CONDITIONS.pop("log", None)
            SOURCES.pop("mine", None)


def test_each_seam_has_a_short_section():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert len(sections) == 5
    code = [len(block.splitlines()) for block in BLOCKS]
    assert max(code) < 40


@pytest.mark.slow
def test_reward_and_solver_of_the_page_are_used(page: dict):
    generator, compactness = page["generator"], page["compactness"]
    plain = generator.sample(2, num_atoms=12, num_steps=6)
    ranked = generator.sample(2, num_atoms=12, num_steps=6, reward=compactness, num_particles=4)
    rewards = [compactness([sample.molecule for sample in some], [0, 1]) for some in (ranked, plain)]
    assert sum(rewards[0]) > sum(rewards[1])
    assert len(page["samples"]) == 2
    assert any(
        not np.allclose(one.molecule.pos, other.molecule.pos) for one, other in zip(page["samples"], plain, strict=True)
    )
    flow = generator.sample(2, num_atoms=12, num_steps=6, options=moldiff.SamplingOptions(solver="ddim", eta=0.0))
    rounding = 1e-2 if generator.precision == "float32" else 0.2  # Å
    for one, other in zip(page["samples"], flow, strict=True):  # Euler's step is DDIM's without noise
        assert np.allclose(one.molecule.pos, other.molecule.pos, atol=rounding)


@pytest.mark.slow
def test_data_set_and_condition_of_the_page_are_trained_on(page: dict):
    assert page["report"].kept == 200
    network = moldiff.NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)
    config = page["config"].model_copy(
        update={
            "model": moldiff.ModelConfig(network=network),
            "num_training_molecules": 64,
            "pair_budget": 4000,
            "sample_minutes": 0.0,
            "data": str(page["folder"] / "stores" / "mine"),
        }
    )
    ran = moldiff.train(config, page["folder"] / "run")
    generator = moldiff.from_pretrained(ran.bundle)
    (condition,) = generator.bundle.statistics.conditions
    assert condition.kind == "log"
    assert condition.decode(condition.label(70.0)) == pytest.approx(70.0)
    assert len(generator.sample(2, num_atoms=9, num_steps=2, target={"alpha": 70.0})) == 2


def test_what_is_no_solver_is_refused_in_one_line():
    for wrong in ("ddmi", 3, object()):
        with pytest.raises(moldiff.ConfigError, match="SamplingOptions: solver: ") as caught:
            moldiff.SamplingOptions(solver=wrong)
        assert "\n" not in str(caught.value)


def test_a_name_is_registered_once():
    with pytest.raises(moldiff.ConfigError, match="one of that name"):
        moldiff.register_source("qm9", lambda options: None)
