"""What cannot be done is one line on stderr, for every command; code 1, or 2 where an option itself is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moldiff.cli import app

# {sdf} is a file of one molecule, {weights} a bundle, {store} a store, {here} an empty folder, {text} nonsense.
SAMPLE = "sample --weights {weights} -n 1 --num-steps 1"
REFUSED = [
    *(f"{SAMPLE} --out {out}" for out in ("{here}", "{here}/none/x.sdf", "{sdf}/x.sdf", "{here}/x.pdf", "{sdf}", "''")),
    *(
        f"{SAMPLE} --out {{here}}/x.sdf {given}"
        for given in (
            "--num-atoms 20-15",
            "--num-atoms 0",
            "--num-atoms -3",
            "--num-atoms 5-",
            "--num-atoms 1e3",
            "--num-atoms=",
            "--target gap",
            "--target gap=",
            "--target gap=abc",
            "--target =3",
            "--target gap=nan",
            "--target gap=inf",
            "--target logp=nan --num-particles 2",
            "--target logp=abc --num-particles 2",
            "--num-samples 0",
            "--num-samples -1",
            "--num-samples 1.5",
            "--seed -1",
            "--seed 1e3",
            "--num-steps 0",
            "--set x",
            "--set =",
            "--set churn=[1]",
            "--set churn={{}}",
            "--set churn=NaN",
            "--set a.b=1",
            "--temperature nan",
            "--churn inf",
            "--guidance a=b=c",
            "--guidance-interval 0.1-nan",
            "--grid nan,0",
            "--num-threads 0",
            "--num-threads 99999999999",
            "--devices 0",
            "--batch-size 0",
            "--preset slow",
            "--trajectory {here}",
            "--trajectory=",
            "--reference {here}/none.smi",
            "--weights=",
            "--weights {here}",
            "--nonsense",
            "--precision half",
        )
    ),
    *(
        f"{task} --weights {{weights}} --out {{here}}/x.sdf --num-steps 1 {given}"
        for task in ("decorate {sdf} --attach 1", "conformers C", "isomers CH4", "perceive-bonds {sdf}")
        for given in ("--seed -1", "--device gpu", "--precision half", "--num-threads 99999999999", "--overwrite=")
    ),
    *(
        f"decorate {{sdf}} --weights {{weights}} --out {{here}}/x.sdf {given}"
        for given in ("--attach 0", "--attach 1,,2", "--attach 99", "--smarts [", "--attach 1 --add 5-3")
    ),
    *(f"isomers {formula} --out {{here}}/x.sdf" for formula in ("''", "C0", "4", "c4h8", "C4H8O(", "C99999")),
    *(f"score {file}" for file in ("''", "{here}", "{here}/none.sdf", "/dev/null", "{text}")),
    *(f"score {{sdf}} {given}" for given in ("--csv {here}/none/x.csv", "--protocol edm", "--check no")),
    *(f"score {{sdf}} {given}" for given in ("--reference=", "--distances-to {here}", "--num-workers 0")),
    "compare {sdf} ''",
    "draw {sdf} --out {here}",
    "draw {here}/none.sdf --out {here}/x.png",
    "report {here}/none.sdf -o {here}/x.html",
    "animate {sdf} --out {here}/x.gif --number 9",
    "animate {sdf} --out {here}/x.gif --seconds inf",
    "animate {sdf} --out {here}/x.gif --seconds nan",
    "predict {sdf} --weights ''",
    "info ''",
    "info {here}",
    "prepare '' --out {here}/store",
    "prepare {sdf} --out {here}/store --seed 4294967296",
    "prepare {sdf} --out {here}/store --seed -1",
    "prepare {sdf} --out {here}/store --join {here}/none.csv",
    "prepare {sdf} --out {sdf}/store",
    "prepare {sdf} --out {store}",
    *(
        f"{verb} --out {{here}}/run {given}"
        for verb in ("train", "distill", "train-predictor")
        for given in (
            "--config {text}",
            "--config {list}",
            "--config {here}",
            "--config=",
            "--config {here}/none.json",
            "--set x",
            "--set seed=abc",
            "--set seed=-1",
            "--set learning_rate=NaN",
            "--set a.b=1",
            "--data=",
            "--data {here}",
            "--resume",
            "--devices 0",
        )
    ),
    "train --out '' --data {store}",
    "train --out {sdf}/run --data {store}",
    "export {here} --out {here}/x",
    "nonsense",
    "--nonsense",
]


@pytest.fixture(scope="module")
def names(
    tmp_path_factory: pytest.TempPathFactory, sample_sdf: Path, weights: Path, store_path: Path
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("errors")
    (folder / "one.sdf").write_text(sample_sdf.read_text().split("$$$$\n")[30] + "$$$$\n")
    (folder / "text.json").write_text("{nonsense")
    (folder / "list.json").write_text("[1]")
    here = folder / "here"
    here.mkdir()
    files = {"sdf": folder / "one.sdf", "text": folder / "text.json", "list": folder / "list.json", "here": here}
    return {**files, "weights": weights, "store": store_path}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_done_is_one_line(line: str, names: dict[str, Path]):
    arguments = ["" if part == "''" else part.format(**names) for part in line.split(" ")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith("moldiff: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stdout == ""
    assert list(names["here"].iterdir()) == []


@pytest.mark.parametrize("seed", [2**63, 2**64])
def test_seeds_of_any_size_are_seeds_of_their_own(seed: int, weights: Path, tmp_path: Path):
    drawn = []
    for number in (seed, 0):
        out = tmp_path / f"{number}.csv"
        options = [
            "-n",
            "2",
            "--num-steps",
            "2",
            "--num-atoms",
            "6",
            "--seed",
            str(number),
            "--trajectory",
            f"{out}.xyz",
        ]
        result = CliRunner().invoke(app, ["sample", "--weights", str(weights), "--out", str(out), *options])
        assert result.exit_code == 0, result.output
        drawn.append([line for line in Path(f"{out}.xyz").read_text().splitlines() if "seed" not in line])
    assert drawn[0] != drawn[1]


def test_help_and_settings_are_no_errors(tmp_path: Path):
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
    shown = CliRunner().invoke(app, ["train", "--out", str(tmp_path / "run"), "--show"])
    assert json.loads(shown.stdout)["seed"] == 0
