import json
import re
from pathlib import Path

import pytest
from cli_results import refused
from typer.testing import CliRunner, Result

from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.io.formats import read_molecules

TINY = ["--num-steps", "3"]


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def sample(weights: Path, out: Path, *args: object) -> Result:
    return run("sample", "--weights", weights, "--out", out, *TINY, *args)


def molecules(path: Path) -> list[Molecule]:
    records = [record for _, record in read_molecules(path)]
    assert all(isinstance(record, Molecule) for record in records)
    return [record for record in records if isinstance(record, Molecule)]


def test_sample_writes_every_molecule_with_its_tags(hydrogen: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    result = sample(hydrogen, out, "--num-samples", 30, "--seed", 4)
    assert result.exit_code == 0, result.output
    drawn = molecules(out)
    assert [m.properties["index"] for m in drawn] == list(range(30))
    assert {m.properties["seed"] for m in drawn} == {4}
    assert {m.properties["num_steps"] for m in drawn} == {3}
    valid = [m for m in drawn if m.properties["valid"] == 1]
    assert 5 < len(valid) < 25
    assert {m.properties["SMILES"] for m in valid} == {"[H][H]"}
    assert {m.properties["reason"] for m in valid} == {""}
    assert all(m.properties["reason"] for m in drawn if m.properties["valid"] == 0)
    assert "30 molecules requested" in result.stdout
    assert re.search(rf"valid \(all of these\).* {len(valid)}/30", result.stdout)
    scored = run("score", out, "--json", tmp_path / "x.json")
    assert scored.exit_code == 0
    assert json.loads((tmp_path / "x.json").read_text())["rates"]["valid"]["numerator"] == len(valid)


@pytest.mark.parametrize("suffix", [".xyz", ".csv", ".smi", ".SDF"])
def test_sample_writes_by_extension(suffix: str, hydrogen: Path, tmp_path: Path):
    out = tmp_path / f"x{suffix}"
    result = sample(hydrogen, out, "--num-samples", 12)
    lines = out.read_text().splitlines()
    expected = {".xyz": 12 * 4, ".csv": 13}.get(suffix)
    if suffix == ".smi":  # an invalid molecule has no SMILES
        assert result.exit_code == 3
        assert 0 < len(lines) < 12
        assert f"{12 - len(lines)} that are not valid have no SMILES" in result.stdout
        assert f"{len(lines)} of 12" in result.stderr
        return
    assert result.exit_code == 0, result.output
    assert expected is None or len(lines) == expected


def test_sample_draws_on_for_valid_molecules_only(hydrogen: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    result = sample(hydrogen, out, "--num-samples", 10, "--valid-only")
    assert result.exit_code == 0, result.output
    drawn = molecules(out)
    assert [m.properties["valid"] for m in drawn] == [1] * 10
    indices = [int(m.properties["index"]) for m in drawn]
    assert indices == sorted(set(indices))
    assert max(indices) >= 10
    assert f"{max(indices) + 1} molecules requested" in result.stdout


def test_sample_says_when_fewer_came_than_requested(weights: Path, tmp_path: Path):
    result = sample(weights, tmp_path / "x.sdf", "--num-samples", 4, "--valid-only")
    assert result.exit_code == 3
    assert "fewer than requested: 0 of 4 molecules" in result.stderr
    assert "12 molecules requested" in result.stdout


def test_sample_does_not_depend_on_the_batch_size(weights: Path, tmp_path: Path):
    one, two, other = (tmp_path / f"{name}.sdf" for name in ("one", "two", "other"))
    for out, more in ((one, ["--batch-size", 1]), (two, []), (other, ["--seed", 1])):
        assert sample(weights, out, "--num-samples", 6, "--num-atoms", "9-10", *more).exit_code == 0
    texts = [re.sub(r"RDKit.*", "", out.read_text()) for out in (one, two, other)]
    assert texts[0] == texts[1] != texts[2]
    assert {len(m) for m in molecules(one)} <= {9, 10}


def test_molecules_of_a_seed_are_the_same_at_one_precision_only(hydrogen: Path, tmp_path: Path):
    """Every format with tags says which it was."""
    drawn = {}
    for precision in ("float32", "bf16", "auto"):
        out = tmp_path / f"{precision}.sdf"
        assert sample(hydrogen, out, "--num-samples", 4, "--precision", precision).exit_code == 0
        (found,) = {m.properties["precision"] for m in molecules(out)}
        drawn[precision] = found, [m.pos.tolist() for m in molecules(out)]
    assert drawn["float32"][0] == "float32"
    assert drawn["bf16"][0] == "bf16"
    assert drawn["float32"][1] != drawn["bf16"][1]
    assert drawn["auto"] in (drawn["float32"], drawn["bf16"])
    for suffix in (".xyz", ".csv"):
        out = tmp_path / f"x{suffix}"
        assert sample(hydrogen, out, "--num-samples", 2, "--precision", "bf16").exit_code == 0
        assert out.read_text().count("bf16") == 2
    result = sample(hydrogen, tmp_path / "y.sdf", "--precision", "float16")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_sample_measures_novelty_against_all_references(hydrogen: Path, tmp_path: Path, sample_sdf: Path):
    known = tmp_path / "known.smi"
    known.write_text("[H][H] hydrogen\nnonsense\n")
    result = sample(hydrogen, tmp_path / "x.sdf", "--reference", sample_sdf, "--reference", known)
    assert re.search(r"novel of unique +0.00 +0/1", result.stdout)
    assert "1 molecules known; not usable: 1 unreadable" in result.stderr
    result = sample(hydrogen, tmp_path / "y.sdf", "--reference", sample_sdf)
    assert re.search(r"novel of unique +100.00 +1/1", result.stdout)


# {here} is a folder with a file of ours in it, an empty one, and a bundle of web pages.
BAD = {
    "extension": ("--out {here}/x.pdf", "the extension must be one of .sdf, .xyz, .smi, .csv"),
    "no folder": ("--out {here}/none/x.sdf", "cannot be written: No such file or directory"),
    "file as folder": ("--out {here}/there.sdf/x.sdf", "cannot be written: Not a directory"),
    "already there": ("--out {here}/there.sdf", "is already there"),
    "too many atoms": ("--num-atoms 5000", "num_atoms 5000"),
    "beyond the data": ("--num-atoms 20-40", "trained on 3 to 29 atoms"),
    "no number": ("--num-atoms lots", "--num-atoms lots: expected one number or a range"),
    "setting": ("--set bond_time_exponet=2", "unknown key 'bond_time_exponet'; did you mean 'bond_time_exponent'?"),
    "no setting": ("--set bond_time_exponent", "expected key=value"),
    "grid": ("--grid 1,half,0", "--grid 1,half,0: expected a name, or times such as"),
    "grid that rises": ("--grid 1,0.2,0.5,0", "must fall from 1 to 0"),
    "churn": ("--churn 1", "churn"),
    "trajectory": ("--trajectory {here}/trajectory.csv", "must be one of .sdf, .xyz"),
    "temperature": ("--temperature 0", "temperature"),
    "time exponent": ("--set bond_time_exponent=0", "bond_time_exponent"),
    "unknown weights": ("--weights qm8", "weights 'qm8': no such folder"),
    "web page as weights": ("--weights {here}/page", "is a web page"),
    "no reference": ("--reference {here}/none.smi", "none.smi: cannot be read"),
    "empty reference": ("--reference {here}/empty.smi", "empty.smi: is empty"),
    "device": ("--device mps", "device 'mps': not available"),
    "device of no kind": ("--device gpu", "device 'gpu': not available, torch finds"),
    "device that is not there": ("--device cuda:99", "use 'cpu'"),
    "no device": ("--device=", "--device is empty; give a value, or leave it out"),
    "target of RDKit": (
        "--target logp=2",
        "with it; RDKit computes it, so particles can be ranked by it",
    ),
    "target of a predictor": ("--target gap=6.5eV", "add --reward-model qm9-properties --num-particles 4"),
    "target of nobody": ("--target foo=1", "RDKit computes weight, logp, qed"),
    "target of another case": ("--target LogP=1", "did you mean 'logp'?"),
    "target beside a known one": ("--target logp=1 --target foo=1 --num-particles 2", "target 'foo'"),
    "target that is no number": ("--target logp=nan --num-particles 2", "expected a finite number"),
    "endless guidance": ("--guidance inf", "expected a finite number"),
    "target": ("--target gap=6.5", "target 'gap': these weights know none; train with --condition gap"),
    "no target": ("--target gap", "expected name=value"),
    "guidance": ("--guidance strong", "--guidance strong: expected a number"),
    "guidance of nothing": ("--guidance gap=2", "guidance: no condition 'gap'"),
    "interval": ("--guidance-interval 0.8-0.2", "expected two times from 0 to 1"),
    "no interval": ("--guidance-interval 0.5", "expected two times, such as"),
}


@pytest.mark.parametrize("case", BAD)
def test_sample_refuses_bad_requests_before_it_draws(case: str, weights: Path, tmp_path: Path):
    (tmp_path / "there.sdf").write_text("mine")
    (tmp_path / "empty.smi").write_text("")
    (tmp_path / "page").mkdir()
    for name in ("config.json", "model.safetensors", "vocabulary.json", "statistics.json", "card.md"):
        (tmp_path / "page" / name).write_text("<html><body>Sign in</body></html>")
    args, message = BAD[case]
    given = args.replace("{here}", str(tmp_path)).split(" ")
    refused(run("sample", "--weights", weights, "--out", tmp_path / "x.sdf", *given), message)
    assert (tmp_path / "there.sdf").read_text() == "mine"
    assert not (tmp_path / "x.sdf").exists()


def test_sample_replaces_a_file_only_on_request(hydrogen: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    out.write_text("mine")
    assert sample(hydrogen, out, "--num-samples", 2, "--overwrite").exit_code == 0
    assert len(molecules(out)) == 2


@pytest.mark.parametrize(
    "given",
    [
        "--temperature 3",
        "--solver heun",
        "--solver ddim",
        "--grid log",
        "--grid 1,0.5,0.2,0",
        "--churn 0.5",
        "--set classes=leaping",
        *(f"--set {key}=0.5" for key in ("atom_time_exponent", "resample", "grid_power", "grid_end", "top_p")),
    ],
)
def test_sample_passes_on_the_options_of_the_sampler(given: str, weights: Path, tmp_path: Path):
    """Another value draws other molecules, the same value the same."""
    drawn = []
    for number, options in enumerate((given, given, "")):
        out = tmp_path / f"{number}.sdf"
        assert sample(weights, out, "--num-samples", 4, "--num-atoms", 6, *options.split()).exit_code == 0
        drawn.append([m.pos.tolist() for m in molecules(out)])
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("given", "steps"), [("--preset fast", 10), ("--preset best", 50), ("--preset best --num-steps 3", 3)]
)
def test_sample_takes_a_preset_and_what_is_said_beside_it(given: str, steps: int, hydrogen: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    assert run("sample", "--weights", hydrogen, "--out", out, "-n", 2, *given.split()).exit_code == 0
    assert {m.properties["num_steps"] for m in molecules(out)} == {steps}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", [".sdf", ".csv"])
def test_sample_says_that_the_disk_is_full(suffix: str, hydrogen: Path, tmp_path: Path):
    full = tmp_path / f"x{suffix}"
    full.symlink_to("/dev/full")
    result = sample(hydrogen, full, "--num-samples", 3, "--overwrite")
    assert result.exit_code == 1
    assert "writing stopped after 0 molecules: No space left on device" in result.stderr
    assert "Traceback" not in result.output


def test_sample_warns_beyond_the_data(weights: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    with pytest.warns(UserWarning, match="trained on 3 to 29 atoms"):
        result = sample(weights, out, "--num-samples", 2, "--num-atoms", 31, "--allow-extrapolation")
    assert result.exit_code == 0, result.output
    assert {len(m) for m in molecules(out)} == {31}


@pytest.mark.parametrize("suffix", [".sdf", ".xyz"])
def test_sample_writes_the_states_of_a_trajectory_for_animate(suffix: str, hydrogen: Path, tmp_path: Path):
    out, trajectory, film = tmp_path / "x.sdf", tmp_path / f"trajectory{suffix}", tmp_path / "x.gif"
    result = sample(hydrogen, out, "--num-samples", 2, "--num-steps", 5, "--trajectory", trajectory)
    assert result.exit_code == 0
    assert "10 states" in result.stdout
    states = [molecule for _, molecule in read_molecules(trajectory) if isinstance(molecule, Molecule)]
    assert len(states) == 10
    for number, end in enumerate(molecules(out)):
        assert states[5 * number + 4].pos == pytest.approx(end.pos, abs=1e-4)
        assert [state.properties["index"] for state in states[5 * number : 5 * number + 5]] == [number] * 5
    times = [state.properties["time"] for state in states[:5]]
    assert times == sorted(times, reverse=True)
    assert times[-1] == 0
    shown = run("animate", trajectory, "--out", film, "--number", 2)
    assert shown.exit_code == 0
    assert "5 pictures of moldiff-0-1" in shown.stdout
    refused(run("animate", trajectory, "--out", film), "is there already")
    refused(run("animate", trajectory, "--out", tmp_path / "y.gif", "--number", 3), "holds 2 molecules")
