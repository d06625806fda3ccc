"""Who may import whom, as `docs` and the design say: a room sees only the rooms listed here."""

import ast
import subprocess
import sys

import pytest
from sources import ROOT, Source, sources

BASE = {"errors", "exclusive"}
MODEL = BASE | {"state", "config", "diffusion"}
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "errors": set(),
    "exclusive": {"errors"},
    "memory": set(),
    "interrupt": set(),
    "precision": BASE,
    "device": BASE,
    "outside": set(),
    "progress": {"outside"},
    "workers": set(),
    "settings": BASE,
    "config": {"settings"},
    "state": BASE,
    "chem": BASE,
    "scoring": BASE | {"chem", "outside"},
    "page": BASE | {"chem", "scoring", "outside"},
    "data": BASE | {"chem", "state", "outside", "progress"},
    "diffusion": BASE | {"state"},
    "network": BASE | {"state"},
    "sampling": BASE | {"state", "diffusion"},
    "training": MODEL | {"chem", "data", "sampling", "sizes", "interrupt", "memory", "precision", "progress"},
    "weights": BASE | {"chem", "data"},
    "build": MODEL | {"chem", "data", "network", "sampling"},
    "tensors": BASE | {"weights"},
    "bundle": MODEL | {"settings", "chem", "data", "build", "weights", "tensors"},
    "batching": {"precision"},
    "sizes": BASE | {"chem", "diffusion"},
    "generator": MODEL
    | {
        "chem",
        "data",
        "sampling",
        "build",
        "bundle",
        "weights",
        "sizes",
        "device",
        "precision",
        "drawing",
        "selection",
    },
    "selection": BASE | {"chem", "data", "sampling", "state"},
    "drawing": MODEL | {"chem", "data", "sampling", "precision", "workers", "batching", "selection"},
    "tasks": BASE | {"state", "chem", "data", "diffusion", "sampling", "sizes", "generator", "weights"},
    "distill": MODEL | {"data", "sampling", "sizes", "training", "build", "bundle", "fitting", "outside"},
    "predictor": MODEL
    | {
        "network",
        "settings",
        "chem",
        "data",
        "build",
        "bundle",
        "weights",
        "tensors",
        "batching",
        "precision",
        "workers",
    },
    "regression": MODEL
    | {"data", "network", "training", "precision", "build", "fitting", "origin", "outside", "predictor"},
    "sharing": BASE | {"generator", "drawing", "interrupt", "memory", "training"},
    "transfer": MODEL | {"data", "network", "build", "bundle"},
    "origin": BASE | {"data", "training", "weights"},
    "fitting": BASE | {"config", "data", "training", "interrupt", "origin"},
    "watch": MODEL | {"chem", "training", "precision", "bundle", "generator"},
    "run": MODEL
    | {"chem", "data", "scoring", "training", "memory", "precision", "build", "bundle", "generator", "transfer"}
    | {"fitting", "origin", "outside", "watch"},
}
TOP = {"cli", "__main__"}  # may import every room; nobody may import them
ONLY_IN: dict[str, set[str]] = {
    "rdkit": {"chem"},
    "posebusters": {"chem"},
    "tblite": {"chem"},
    "ase": {"chem"},
    "torch_geometric": {"data"},
    "e3nn": {"network"},
    "lightning": {"training", "fitting", "sharing"},
    "pytorch_lightning": set(),
    "typer": {"cli"},
}
WITHOUT_TORCH = {
    "",
    "errors",
    "exclusive",
    "memory",
    "interrupt",
    "outside",
    "progress",
    "settings",
    "config",
    "chem",
    "scoring",
    "page",
}


def broken_laws(source: Source) -> list[str]:
    """One line for each import that the tables forbid."""
    room, broken = source.room, []
    if room not in MAY_IMPORT and room not in TOP:
        return [f"{source.path}: room {room!r} is not in the table"]
    for line, name in source.imports:
        top, *rest = name.split(".")
        where = f"{source.path}:{line}: {room or 'moldiff'} imports {name}"
        if top == "moldiff":
            other = rest[0] if rest and _is_room(rest[0]) else ""
            allowed = other in {"", room} or room in TOP or other in MAY_IMPORT[room]
            if not allowed or (other in TOP and room not in TOP):
                broken.append(where)
        elif room not in ONLY_IN.get(top, {room}) or (top == "torch" and room in WITHOUT_TORCH):
            broken.append(where)
    return broken


def _is_room(name: str) -> bool:
    return (ROOT / "moldiff" / name).is_dir() or (ROOT / "moldiff" / f"{name}.py").is_file()


@pytest.mark.parametrize("source", sources("moldiff"), ids=lambda source: source.path)
def test_rooms_import_only_what_they_may(source: Source):
    assert broken_laws(source) == []


def test_table_of_rooms_is_complete_and_without_cycles():
    rooms = {source.room for source in sources("moldiff")}
    assert rooms - set(MAY_IMPORT) - TOP == set()
    done: set[str] = set()
    while len(done) < len(MAY_IMPORT):
        ready = {room for room, others in MAY_IMPORT.items() if room not in done and others <= done}
        assert ready, f"a cycle among {set(MAY_IMPORT) - done}"
        done |= ready


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("moldiff/scoring/score.py", "import torch"),
        ("moldiff/chem/border.py", "from torch import Tensor"),
        ("moldiff/scoring/score.py", "from moldiff.data.store import MoleculeStore"),
        ("moldiff/data/store.py", "from rdkit import Chem"),
        ("moldiff/chem/border.py", "import torch_geometric.data"),
        ("moldiff/diffusion/joint.py", "from e3nn import o3"),
        ("moldiff/sampling/walk.py", "from moldiff.network.net import EquivariantNetwork"),
        ("moldiff/sampling/walk.py", "from moldiff import network"),
        ("moldiff/sampling/walk.py", "from ..network import net"),
        ("moldiff/training/module.py", "def f():\n    from moldiff.network import net"),
        ("moldiff/network/net.py", "import moldiff.diffusion.joint"),
        ("moldiff/diffusion/joint.py", "from moldiff.sampling.grids import power_grid"),
        ("moldiff/generator.py", "from moldiff.cli import main"),
        ("moldiff/generator.py", "import lightning"),
        ("moldiff/build.py", "from moldiff.generator import MoleculeGenerator"),
        ("moldiff/__init__.py", "import torch"),
        ("moldiff/helpers/numbers.py", "import math"),
    ],
)
def test_law_of_rooms_catches_a_planted_import(path: str, line: str):
    ast.parse(line)
    assert len(broken_laws(Source(path, f"{line}\n"))) == 1


def test_scoring_and_the_bare_package_load_no_torch():
    """Not even through what they import."""
    modules = [s.module for s in sources("moldiff") if s.room in WITHOUT_TORCH and not s.module.endswith("__main__")]
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules}]; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
