"""What `import moldiff` offers: every name, in plain types, without loading what is not used."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from rdkit.Chem import Draw

import moldiff
from moldiff.cli._options import with_new_names, with_option_names

ROOT = Path(__file__).parents[1]
STEPS = 3


def public_names(module) -> list[str]:
    stub = ast.parse(Path(module.__file__).with_suffix(".pyi").read_text())
    return sorted(alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names)


def public_callables() -> list[tuple[str, object]]:
    found = [(f"{m.__name__}.{name}", getattr(m, name)) for m in (moldiff, moldiff.tasks) for name in m.__all__]
    methods = [
        (f"{cls.__name__}.{name}", getattr(cls, name)) for cls in (moldiff.MoleculeGenerator,) for name in vars(cls)
    ]
    return [
        (name, one)
        for name, one in found + methods
        if inspect.isfunction(one) and not name.split(".")[-1].startswith("_")
    ]


@pytest.fixture(scope="module")
def generator(weights: Path):
    return moldiff.from_pretrained(weights, device="cpu")


def test_import_loads_neither_torch_nor_rdkit():
    code = (
        "import sys, moldiff; dir(moldiff); print(sorted({'torch', 'rdkit', 'pydantic', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [moldiff, moldiff.tasks], ids=lambda module: module.__name__)
def test_every_name_of_the_stub_is_there(module):
    assert public_names(module) == sorted(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        _ = module.nonsense


def test_errors_of_the_tree_are_public():
    import moldiff.errors

    classes = {name for name, one in vars(moldiff.errors).items() if isinstance(one, type)}
    assert classes <= set(moldiff.__all__)


def test_package_says_that_it_is_typed():
    assert (ROOT / "moldiff" / "py.typed").is_file()
    import tomllib

    package = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = package["tool"]["setuptools"]["package-data"]["moldiff"]
    assert {"py.typed", "*.pyi", "tasks/*.pyi"} <= set(shipped)
    assert package["project"]["version"] == moldiff.__version__


@pytest.mark.parametrize(
    ("name", "function"), public_callables(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_public_callables_have_full_signatures(name: str, function):
    parameters = inspect.signature(function).parameters
    assert len([one for one in parameters if one not in ("self", "cls")]) <= 12
    kinds = {one.kind for one in parameters.values()}
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


def test_name_of_a_function_is_not_hidden_by_its_module():
    import moldiff.tasks.conformers
    import moldiff.tasks.isomers

    assert inspect.isfunction(moldiff.tasks.isomers)
    assert inspect.isfunction(moldiff.tasks.conformers)


def test_weights_give_a_generator_or_a_predictor(weights: Path, predictor_weights: Path):
    assert isinstance(moldiff.from_pretrained(weights), moldiff.MoleculeGenerator)
    assert isinstance(moldiff.from_pretrained(predictor_weights), moldiff.PropertyPredictor)
    with pytest.raises(moldiff.WeightsError, match="no such folder"):
        moldiff.from_pretrained("qm10")
    with pytest.raises(moldiff.ConfigError, match="device 'gpu': not available"):
        moldiff.from_pretrained(weights, device="gpu")


def test_sample_is_stream_in_a_list(generator):
    request = {"num_atoms": (4, 6), "seed": 1, "num_steps": STEPS}
    listed, streamed = generator.sample(6, **request), list(generator.stream(6, **request))
    assert [s.index for s in listed] == list(range(6))
    assert [s.molecule.pos.tobytes() for s in listed] == [s.molecule.pos.tobytes() for s in streamed]
    later = generator.sample(2, **request, options=moldiff.SamplingOptions(first=4))
    assert [s.molecule.pos.tobytes() for s in later] == [s.molecule.pos.tobytes() for s in listed[4:]]


def test_sampler_settings_are_options(generator):
    options = moldiff.SamplingOptions(solver="ddim", eta=0.0, num_steps=2)
    ours = generator.sample(3, num_atoms=6, options=options)
    config = generator.bundle.sampler.model_copy(update={"solver": "ddim", "eta": 0.0, "num_steps": 2})
    same = generator.sample(3, num_atoms=6, options=moldiff.SamplingOptions(sampler=config))
    other = generator.sample(3, num_atoms=6, num_steps=2)
    pos = [[s.molecule.pos.tobytes() for s in samples] for samples in (ours, same, other)]
    assert pos[0] == pos[1] != pos[2]


def test_options_have_every_setting_of_the_sampler():
    ours, theirs = moldiff.SamplingOptions.model_fields, moldiff.SamplerConfig.model_fields
    assert set(theirs) <= set(ours)
    hints, wanted = get_type_hints(moldiff.SamplingOptions), get_type_hints(moldiff.SamplerConfig)
    for name in ("solver", "classes"):
        assert set(get_args(get_args(hints[name])[0])) == set(get_args(wanted[name]))


def test_target_ranks_particles_or_says_how(generator):
    samples = generator.sample(2, num_atoms=5, num_steps=STEPS, target={"weight": 60}, num_particles=2)
    assert [s.molecule.properties["target_weight"] for s in samples] == [60.0, 60.0]
    with pytest.raises(moldiff.ConfigError, match="add num_particles=4"):
        generator.sample(2, target={"logp": 2})
    with pytest.raises(moldiff.ConfigError, match="did you mean 'logp'"):
        generator.sample(2, target={"logpp": 2})
    with pytest.raises(moldiff.ConfigError, match="a reward: ranks several particles; add num_particles=4"):
        generator.sample(2, reward=lambda molecules, indices: [0.0] * len(molecules))


def test_reward_of_ones_own_ranks_particles(generator):
    def light(molecules, indices):
        return [-float(m.elements.sum()) for m in molecules]

    request = {"num_atoms": 6, "num_steps": STEPS}
    plain = generator.sample(8, **request)
    ranked = generator.sample(8, **request, reward=light, num_particles=6)
    mass = [sum(int(s.molecule.elements.sum()) for s in samples) for samples in (plain, ranked)]
    assert mass[1] < mass[0]


def test_sample_shows_itself(generator, embed):
    samples = generator.sample(4, num_atoms=5, num_steps=STEPS)
    good = moldiff.Sample(7, moldiff.to_rdkit(embed("CCO")), embed("CCO"))
    assert good.valid
    assert good.failure is None
    assert "<svg" in good._repr_html_()
    assert good._repr_svg_().startswith("<svg")
    bad = moldiff.Sample(0, moldiff.Failure("valence", "five <b>bonds</b>"), None)
    assert (bad.mol, bad.smiles, bad.valid) == (None, "", False)
    assert bad.failure.reason == "valence"
    assert "five &lt;b&gt;bonds" in bad._repr_html_()
    assert bad._repr_svg_() is None
    assert repr(samples[0]).startswith("Sample(0, ")


def test_samples_convert_to_rdkit_as_molecules_do(generator, embed):
    for sample in generator.sample(3, num_atoms=5, num_steps=STEPS):
        ours, same = moldiff.to_rdkit(sample), moldiff.to_rdkit(sample.molecule)
        assert ours.ToBinary() == same.ToBinary()
        assert ours.GetNumAtoms() == 5
    empty = moldiff.Sample(4, moldiff.Failure("coordinates", "atom 2 is lost"), None)
    with pytest.raises(moldiff.MoleculeError, match=r"Sample\(4, 'coordinates: atom 2 is lost'\): holds no molecule"):
        moldiff.to_rdkit(empty)


def test_samples_go_into_grid_table_file_and_score(generator, embed, tmp_path: Path):
    pandas = pytest.importorskip("pandas")
    molecule = embed("CCO")
    mol = moldiff.to_rdkit(molecule)
    mol.UpdatePropertyCache()
    samples = [moldiff.Sample(0, mol, molecule), moldiff.Sample(1, moldiff.Failure("valence", "five"), molecule)]
    assert Draw.MolsToGridImage([s.mol for s in samples if s.valid]) is not None
    table = moldiff.to_pandas(samples)
    assert isinstance(table, pandas.DataFrame)
    assert list(table["valid"]) == [True, False]
    assert list(table["reason"]) == ["", "valence"]
    assert table.equals(pandas.DataFrame(s.to_dict() for s in samples))
    for path, count in ((tmp_path / "x.sdf", 2), (tmp_path / "x.smi", 2), (tmp_path / "x.csv", 2)):
        assert moldiff.write_molecules(path, samples) == count
        assert len(list(moldiff.read_records(path))) == count
    assert moldiff.write_molecules(tmp_path / "v.sdf", samples, valid_only=True) == 1
    assert moldiff.write_molecules(tmp_path / "m.sdf", [mol, molecule, None]) == 2
    with pytest.raises(moldiff.OutputError, match="already there"):
        moldiff.write_molecules(tmp_path / "v.sdf", samples)


def test_old_option_names_are_hidden_aliases():
    old = ["sample", "--condition", "logp=2", "--num-walks=4", "--guide", "x", "--sampler", "ddim"]
    new = ["sample", "--target", "logp=2", "--num-particles=4", "--reward-model", "x", "--solver", "ddim"]
    assert with_new_names(old) == new
    assert with_new_names(["train", "--condition", "gap"]) == ["train", "--condition", "gap"]


def test_messages_name_arguments_or_options():
    text = "target=logp: add reward_model=x num_particles=4, or add_hydrogens=True"
    assert with_option_names(text) == "--target logp: add --reward-model x --num-particles 4, or --add-hydrogens"
