"""Rules of style that a linter does not know; each is shown to fail on a planted breach."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sources import ROOT, Source, sources

MAX_FILE, MAX_FUNCTION, MAX_SCRIPT, MAX_PARAMETERS = 300, 60, 80, 12
EXCEPTION_MAY_BE_CAUGHT = {
    "moldiff/training/trainer.py": "torch.load raises a dozen kinds for a file that is no checkpoint"
}
ASSERT_MAY_STAND = {
    "moldiff/generation/records.py": "narrows a type: only samples with a molecule come there",
    "moldiff/data/sources/pyg.py": "narrows a type: a field's name is a string",
    "moldiff/training/property/run.py": "settings of a predictor name at least one target",
    "moldiff/training/property/module.py": "its run gives every batch labels",
    "moldiff/training/denoiser/run.py": "narrows a type: what was built a moment before",
}
TERMINAL_MAY_BE_WRITTEN = {
    "moldiff/cli/_terminal.py": "all other commands write through it",
    "moldiff/runtime/progress.py": "standard error, with text that is plain",
    "moldiff/metrics/console.py": "a string, of tables whose cells are plain",
}
GLOBAL_SEED_MAY_BE_SET = {"moldiff/build.py": "e3nn and torch draw fresh weights from it; inside fork_rng"}
FORBIDDEN_IMPORTS = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "random", "__future__"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
OWN_GENERATORS = {"default_rng", "SeedSequence", "RandomState", "Generator", "PCG64"}
TORCH_DRAWS = {"rand", "randn", "randint", "randperm", "bernoulli", "multinomial", "normal"}


def name_of(node: ast.AST) -> str:
    """`a.b.c` of a chain of attributes, else nothing."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def long_files(source: Source) -> Iterator[str]:
    count = len(source.text.splitlines())
    to_copy = Path(source.path).parent == Path("scripts")  # what lies deeper is for who works on the project
    limit = MAX_SCRIPT if to_copy else MAX_FILE
    if count >= limit:
        yield f"{count} lines"


def long_functions(source: Source) -> Iterator[str]:
    """The docstring is not counted: what a function asks of its reader should not make it too long."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            docstring = len((ast.get_docstring(node, clean=False) or "").splitlines())
            count = node.end_lineno - node.lineno + 1 - docstring
            if count >= MAX_FUNCTION:
                yield f"{node.lineno}: {node.name} has {count} lines"


def many_parameters(source: Source) -> Iterator[str]:
    """Commands have as many as they have options."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and source.room != "cli":
            names = {arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
            if len(names - {"self", "cls"}) > MAX_PARAMETERS:
                yield f"{node.lineno}: {node.name} has {len(names)} parameters"


def unformatted(source: Source) -> Iterator[str]:
    if "fmt: " + "skip" in source.text or "fmt: " + "off" in source.text:
        yield "is kept from the formatter"


def broad_excepts(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(kind is None or name_of(kind) in {"Exception", "BaseException"} for kind in kinds)
            if broad and source.path not in EXCEPTION_MAY_BE_CAUGHT:
                yield f"{node.lineno}: except {'Exception' if node.type else ''}"


def asserts(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assert) and source.path not in ASSERT_MAY_STAND:
            yield f"{node.lineno}: assert"


def unsafe_loads(source: Source) -> Iterator[str]:
    for line, name in source.imports:
        if name.split(".")[0] in FORBIDDEN_IMPORTS:
            yield f"{line}: import {name}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name, flags = name_of(node.func), {k.arg: k.value for k in node.keywords}
            only = flags.get("weights_only")
            if name == "torch.load" and not (isinstance(only, ast.Constant) and only.value is True):
                yield f"{node.lineno}: torch.load without weights_only=True"
            allowed = flags.get("allow_pickle")
            if name in {"np.load", "numpy.load"} and isinstance(allowed, ast.Constant) and allowed.value:
                yield f"{node.lineno}: np.load with pickle"
            if name in {"eval", "exec"}:
                yield f"{node.lineno}: {name}"


def global_randomness(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            *origin, last = name_of(node.func).split(".")
            if origin[-2:] in (["np", "random"], ["numpy", "random"]) and last not in OWN_GENERATORS:
                yield f"{node.lineno}: np.random.{last}"
            with_generator = any(keyword.arg == "generator" for keyword in node.keywords)
            if origin == ["torch"] and last in TORCH_DRAWS and not with_generator:
                yield f"{node.lineno}: torch.{last} without a generator"
            if origin == ["torch"] and last == "manual_seed" and source.path not in GLOBAL_SEED_MAY_BE_SET:
                yield f"{node.lineno}: torch.manual_seed"


def raw_terminal(source: Source) -> Iterator[str]:
    """What is shown goes through `moldiff.runtime.plain_text`, or text of files would be markup."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.path not in TERMINAL_MAY_BE_WRITTEN:
            last, markup = name_of(node.func).split(".")[-1], any(keyword.arg == "markup" for keyword in node.keywords)
            bare = last in {"add_row", "add_column"} and any(isinstance(arg, ast.Name) for arg in node.args)
            if last in {"print", "echo", "secho", "Console", "from_markup"} or bare:
                yield f"{node.lineno}: {last} of bare text"
            if last == "TextColumn" and not markup:
                yield f"{node.lineno}: TextColumn with markup"


def vague_names(source: Source) -> Iterator[str]:
    if VAGUE_NAMES & set(source.module.split(".")):
        yield "a vague name"


EVERYWHERE = [long_files, long_functions, unsafe_loads, vague_names, unformatted]
LIBRARY = [many_parameters, broad_excepts, asserts, global_randomness, raw_terminal]
BREACHES: list[tuple[Callable[[Source], Iterator[str]], str, str]] = [
    (long_files, "moldiff/x.py", "a = 1\n" * 300),
    (long_files, "scripts/x.py", "a = 1\n" * 80),
    (long_functions, "moldiff/x.py", "class A:\n    def f(self):\n" + "        a = 1\n" * 59),
    (many_parameters, "moldiff/x.py", f"def f({', '.join(f'a{i}' for i in range(13))}):\n    pass\n"),
    (unformatted, "moldiff/x.py", "a = [1,  2]  # fmt: " + "skip\n"),
    (broad_excepts, "moldiff/x.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
    (broad_excepts, "moldiff/x.py", "try:\n    f()\nexcept:\n    pass\n"),
    (broad_excepts, "moldiff/x.py", "try:\n    f()\nexcept (ValueError, BaseException):\n    pass\n"),
    (asserts, "moldiff/x.py", "def f(a):\n    assert a > 0\n"),
    (unsafe_loads, "moldiff/x.py", "import pickle\n"),
    (unsafe_loads, "moldiff/x.py", "from pickle import loads\n"),
    (unsafe_loads, "moldiff/x.py", "from __future__ import annotations\n"),
    (unsafe_loads, "moldiff/x.py", "torch.load(path)\n"),
    (unsafe_loads, "moldiff/x.py", "torch.load(path, weights_only=False)\n"),
    (unsafe_loads, "moldiff/x.py", "np.load(path, allow_pickle=True)\n"),
    (unsafe_loads, "moldiff/x.py", "eval(text)\n"),
    (global_randomness, "moldiff/x.py", "torch.randn(3)\n"),
    (global_randomness, "moldiff/x.py", "torch.manual_seed(3)\n"),
    (global_randomness, "moldiff/x.py", "np.random.seed(3)\n"),
    (raw_terminal, "moldiff/cli/x.py", "typer.echo(f'{name}: done')\n"),
    (raw_terminal, "moldiff/cli/x.py", "Console()\n"),
    (raw_terminal, "moldiff/cli/x.py", "print(name)\n"),
    (raw_terminal, "moldiff/x.py", "TextColumn(f'{name}')\n"),
    (raw_terminal, "moldiff/x.py", "table.add_row(name, '')\n"),
    (vague_names, "moldiff/chem/utils.py", "a = 1\n"),
    (vague_names, "moldiff/helpers/x.py", "a = 1\n"),
]


GOOD = "import math\n\n\ndef f():\n    return torch.rand(3, generator=g)\n"


@pytest.mark.parametrize("rule", EVERYWHERE + LIBRARY, ids=lambda rule: rule.__name__)
def test_sources_keep_the_rules_of_style(rule: Callable[[Source], Iterator[str]]):
    files = sources("moldiff") if rule in LIBRARY else sources("moldiff", "scripts", "tests")
    assert [f"{source.path}:{breach}" for source in files for breach in rule(source)] == []


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES)
def test_rules_of_style_catch_a_planted_breach(rule: Callable[[Source], Iterator[str]], path: str, text: str):
    assert len(list(rule(Source(path, text)))) == 1
    assert (
        list(rule(Source("moldiff/x.py", "import math\n\n\ndef f():\n    return torch.rand(3, generator=g)\n"))) == []
    )


def test_exceptions_to_the_rules_are_used():
    """An exception that nothing needs any more is taken off the list."""
    unlisted = {source.path: Source(f"{source.path}?", source.text) for source in sources("moldiff")}
    for rule, listed in (
        (broad_excepts, EXCEPTION_MAY_BE_CAUGHT),
        (asserts, ASSERT_MAY_STAND),
        (global_randomness, GLOBAL_SEED_MAY_BE_SET),
        (raw_terminal, TERMINAL_MAY_BE_WRITTEN),
    ):
        assert [path for path in listed if path not in unlisted or not list(rule(unlisted[path]))] == []


# ---- the tree


def test_datasets_hold_no_code():
    assert [path.name for path in (ROOT / "datasets").rglob("*.py")] == []
    for folder in (path for path in (ROOT / "datasets").iterdir() if path.is_dir()):
        assert (folder / "CARD.md").is_file()
        assert (folder / "recipe.md").is_file()


def strangers(folders: set[str]) -> set[str]:
    """Test folders that mirror no room."""
    rooms = {path.parent.name for path in (ROOT / "moldiff").glob("*/__init__.py")}
    return folders - rooms - {"laws", "end_to_end"}


def test_test_folders_mirror_rooms():
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/*.py")}
    assert strangers(folders) == set()
    assert strangers({"chem", "laws", "unit"}) == {"unit"}
    rooms = {path.parent.name for path in (ROOT / "moldiff").glob("*/__init__.py")}
    assert rooms - folders == set()


def test_test_files_have_names_of_their_own():
    """Files are found by name alone, so two of one name in two folders hide one another."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(set(names)) == sorted(names)
