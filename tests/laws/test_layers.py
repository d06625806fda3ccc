"""Who may import whom: a room sees the rooms of lower levels, and itself."""

import ast
import subprocess
import sys

import pytest
from sources import ROOT, Source, sources

LEVELS: dict[str, int] = {
    "errors": 0,
    "config": 1,
    "runtime": 1,
    "state": 1,
    "chem": 2,
    "conditions": 2,
    "diffusion": 2,
    "network": 2,
    "io": 3,
    "sampling": 3,
    "data": 4,
    "metrics": 4,
    "build": 5,
    "viz": 5,
    "pretrained": 6,
    "generation": 7,
    "evaluation": 7,
    "tasks": 8,
    "training": 8,
    "cli": 9,
    "__main__": 10,
}
BLIND: dict[str, set[str]] = {  # rooms that see less than their level would let them
    "network": {"errors", "state"},
    "sampling": {room for room, level in LEVELS.items() if level < 3} - {"network"},
}
ONLY_IN: dict[str, set[str]] = {
    "rdkit": {"chem", "io", "metrics", "viz"},
    "posebusters": {"metrics"},
    "tblite": {"metrics"},
    "ase": {"io", "metrics"},
    "torch_geometric": {"data"},
    "e3nn": {"network"},
    "lightning": {"training", "moldiff/generation/distributed.py", "moldiff/runtime/strategy.py"}
    | {"moldiff/runtime/lightning_logging.py"},
    "pytorch_lightning": set(),
    "typer": {"cli"},
}
WITHOUT_TORCH = {"", "errors", "config", "chem", "io", "metrics", "viz", "evaluation"}


def broken_laws(source: Source) -> list[str]:
    """One line for each import that the tables forbid."""
    room, broken = source.room, []
    if room and room not in LEVELS:
        return [f"{source.path}: room {room!r} is not in the table"]
    level = LEVELS.get(room, -1)  # the package itself, which all may import, imports no room as it loads
    seen = BLIND.get(room, {other for other, below in LEVELS.items() if below < level}) | {"", room}
    for line, name in source.imports:
        top, *rest = name.split(".")
        where = f"{source.path}:{line}: {room or 'moldiff'} imports {name}"
        if top == "moldiff":
            if (rest[0] if rest and _is_room(rest[0]) else "") not in seen:
                broken.append(where)
        elif not {room, source.path} & ONLY_IN.get(top, {room}) or (top == "torch" and room in WITHOUT_TORCH):
            broken.append(where)
    return broken


def _is_room(name: str) -> bool:
    return (ROOT / "moldiff" / name).is_dir() or (ROOT / "moldiff" / f"{name}.py").is_file()


@pytest.mark.parametrize("source", sources("moldiff"), ids=lambda source: source.path)
def test_rooms_import_only_what_they_may(source: Source):
    assert broken_laws(source) == []


def test_table_of_rooms_is_complete():
    assert {source.room for source in sources("moldiff")} - {""} == set(LEVELS)


def test_top_level_holds_rooms_only():
    files = {file.name for file in (ROOT / "moldiff").glob("*.py*")}
    assert files - {"__init__.pyi"} == {"__init__.py", "__main__.py", "build.py", "errors.py", "state.py"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("moldiff/metrics/score.py", "import torch"),
        ("moldiff/chem/rdkit_conversion.py", "from torch import Tensor"),
        ("moldiff/metrics/score.py", "from moldiff.data.store.dataset import MoleculeStore"),
        ("moldiff/data/store/dataset.py", "from rdkit import Chem"),
        ("moldiff/chem/rdkit_conversion.py", "import torch_geometric.data"),
        ("moldiff/chem/validity.py", "from moldiff.io.sdf import read_sdf"),
        ("moldiff/diffusion/joint.py", "from e3nn import o3"),
        ("moldiff/sampling/sampler.py", "from moldiff.network.model import EquivariantNetwork"),
        ("moldiff/sampling/sampler.py", "from moldiff import network"),
        ("moldiff/sampling/sampler.py", "from ..network import model"),
        ("moldiff/training/denoiser/module.py", "def f():\n    from moldiff.tasks import isomers"),
        ("moldiff/network/model.py", "import moldiff.diffusion.joint"),
        ("moldiff/network/model.py", "from moldiff.runtime.precision import use_bf16"),
        ("moldiff/diffusion/joint.py", "from moldiff.sampling.time_grids import power_grid"),
        ("moldiff/generation/generator.py", "from moldiff.cli import main"),
        ("moldiff/generation/generator.py", "import lightning"),
        ("moldiff/runtime/memory.py", "import lightning"),
        ("moldiff/build.py", "from moldiff.generation.generator import MoleculeGenerator"),
        ("moldiff/__init__.py", "import torch"),
        ("moldiff/__init__.py", "from moldiff.chem.molecule import Molecule"),
        ("moldiff/helpers/numbers.py", "import math"),
    ],
)
def test_law_of_rooms_catches_a_planted_import(path: str, line: str):
    ast.parse(line)
    assert len(broken_laws(Source(path, f"{line}\n"))) == 1


def test_rooms_without_torch_load_none():
    """Not even through what they import."""
    modules = [s.module for s in sources("moldiff") if s.room in WITHOUT_TORCH and not s.module.endswith("__main__")]
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules}]; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"


def test_no_library_is_loaded_that_takes_seconds_and_is_not_needed():
    """Lightning for sampling; PyTorch Geometric for anything but its own data sets."""
    modules = "moldiff.generation.generator, moldiff.data.store.dataset"
    code = f"import sys, {modules}; print({{'torch', 'torch_geometric', 'lightning'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "{'torch'}"
