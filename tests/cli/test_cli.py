import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from cli_results import refused
from typer.testing import CliRunner, Result

import moldiff
from moldiff.cli import _command, app


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.mark.parametrize(
    "command",
    [
        "sample",
        "score",
        "compare",
        "draw",
        "prepare",
        "train",
        "export",
        "info",
        "decorate",
        "link",
        "isomers",
        "conformers",
        "perceive-bonds",
        "reshape",
    ],
)
def test_cli_explains_every_option(command: str):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f" {command} " in run("--help").stdout


def test_cli_tells_its_version():
    assert run("--version").stdout == f"moldiff {moldiff.__version__}\n"


def test_cli_shows_the_trace_only_for_debug(tmp_path: Path):
    command = [sys.executable, "-m", "moldiff"]
    quiet = subprocess.run([*command, "score", "none.sdf"], capture_output=True, text=True, cwd=tmp_path, check=False)
    loud = subprocess.run(
        [*command, "--debug", "score", "none.sdf"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert quiet.returncode == loud.returncode == 1
    assert quiet.stderr == "moldiff: none.sdf: cannot be read: No such file or directory\n"
    assert "Traceback" in loud.stderr


ATOM = "{:>10}    0.0000    0.0000 {:<3} 0  0  0  0  0  0  0  0  0  0  0  0\n"


def record(x: str = "0.0000", symbol: str = "Ar") -> str:
    return "bad\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n" + ATOM.format(x, symbol) + "M  END\n$$$$\n"


MANY = (
    "\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 5000 0 0 0 0\nM  V30 BEGIN ATOM\n"
    + "".join(f"M  V30 {i + 1} Ar {4 * (i % 100)} {4 * (i // 100)} 0 0\n" for i in range(5000))
    + "M  V30 END ATOM\nM  V30 END CTAB\nM  END\n$$$$\n"
)
BAD_RECORDS = {
    "unknown element": (record(symbol="Xx"), "element"),
    "NaN": (record("nan"), "coordinates"),
    "1e9": (record("1e9"), "coordinates"),
    "truncated": (record()[:60], "truncated"),
    "5,000 atoms": (MANY, "size"),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_score_names_the_reason_of_a_bad_record(case: str, twenty_sdf: Path, tmp_path: Path):
    text, reason = BAD_RECORDS[case]
    file = tmp_path / "x.sdf"
    file.write_text(twenty_sdf.read_text() + text)
    result = run("score", file, "--csv", tmp_path / "x.csv", "--json", tmp_path / "x.json")
    assert result.exit_code == 0, result.output
    counted = json.loads((tmp_path / "x.json").read_text())
    assert counted["failures"] == {reason: 1}
    assert counted["rates"]["valid"]["numerator"] == 20
    assert counted["rates"]["valid"]["denominator"] == 21
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 22


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("<html>Sign in</html>\n" * 5, "a web page"), ("\0\1\2", "is binary"), (None, "cannot be read")],
)
def test_score_refuses_what_is_no_molecule_file(text: str | None, message: str, tmp_path: Path):
    file = tmp_path / "x.sdf"
    if text is not None:
        file.write_text(text)
    refused(run("score", file), "x.sdf", message)


def test_score_refuses_bad_requests(sample_sdf: Path, weights: Path, tmp_path: Path):
    refused(run("score", sample_sdf, "--json", tmp_path / "none" / "x.json"), "cannot be written")
    refused(run("score", sample_sdf, "--data-row", weights), "carry no score of their data")
    refused(run("score", sample_sdf, "--data-row", "qm8"), "weights 'qm8': no such folder")
    refused(run("score", sample_sdf, "--num-requested", 10), "200 records came but only 10 were requested")


def test_compare_shows_files_and_distances(sample_sdf: Path, store_path: Path, tmp_path: Path):
    half = tmp_path / "half.sdf"
    half.write_text("$$$$\n".join(sample_sdf.read_text().split("$$$$\n")[:100]) + "$$$$\n")
    given = ["--protocol", "midi", "--druglike", "--distances-to", sample_sdf, "--json", tmp_path / "x.json"]
    result = run("compare", sample_sdf, half, *given)
    assert result.exit_code == 0, result.output
    assert re.search(r"valid \(all of these\) .*200/200 .*100/100", result.stdout)
    written = json.loads((tmp_path / "x.json").read_text())
    assert written[str(sample_sdf)]["distances"]["bond_length_w1"] == 0
    assert written[str(half)]["distances"]["bond_length_w1"] > 0
    assert 0 < written[str(half)]["druglike"]["qed"] < 1
    assert written[str(half)]["protocols"]["midi"]["rates"]["valid"]["denominator"] == 100
    refused(run("compare", half), "expected two or more different files")
    refused(run("compare", half, half), "expected two or more different files")
    refused(run("compare", half, sample_sdf, "--protocol", "edm"), "protocol 'edm': expected one of distance-bonds")
    refused(run("compare", half, sample_sdf, "--distances-to", tmp_path), "no prepared store")


def test_score_shows_the_distances_of_the_data_beside(sample_sdf: Path, store_path: Path):
    result = run("score", sample_sdf, "--distances-to", store_path)
    assert result.exit_code == 0, result.output
    assert re.search(r"of +found +the data", result.stdout)


def test_score_knows_prepared_stores_by_folder_and_by_name(sample_sdf: Path, store_path: Path, monkeypatch):
    """The train split is known; the sample holds all splits."""
    by_folder = run("score", sample_sdf, "--reference", store_path)
    assert re.search(r"novel of unique +\d+\.\d\d +[1-9]\d*/\d+", by_folder.stdout), by_folder.output
    monkeypatch.chdir(store_path.parents[1])
    (store_path.parents[1] / "stores").symlink_to(store_path.parent)
    assert run("score", sample_sdf, "--reference", store_path.name).stdout == by_folder.stdout
    refused(run("score", sample_sdf, "--reference", "nothing"), "'nothing'", "moldiff prepare nothing")


def test_score_counts_what_is_missing(sample_sdf: Path):
    result = run("score", sample_sdf, "--num-requested", 250)
    assert re.search(r"valid \(all of these\) +80.00 +200/250", result.stdout)
    assert "missing" in result.stdout


def test_score_needs_no_torch(twenty_sdf: Path):
    code = (
        "import sys; from typer.testing import CliRunner; from moldiff.cli import app; "
        f"assert CliRunner().invoke(app, ['score', {str(twenty_sdf)!r}]).exit_code == 0; "
        "print([name for name in ('torch', 'lightning', 'e3nn') if name in sys.modules])"
    )
    written = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert written == "[]\n"
    written = subprocess.run(
        [sys.executable, "-c", f"import torch; {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "torch" in written  # so the question can be answered with yes


def test_prepare_makes_a_store_and_says_what_to_do_next(sample_sdf: Path, tmp_path: Path):
    result = run("prepare", sample_sdf, "--out", tmp_path / "store", "--num-workers", 1)
    assert result.exit_code == 0, result.output
    assert f"moldiff train --data {tmp_path / 'store'}" in result.stdout.replace("\n", "")
    refused(run("prepare", sample_sdf, "--out", tmp_path / "store"), "there is a store")
    assert run("prepare", sample_sdf, "--out", tmp_path / "store", "--overwrite").exit_code == 0
    refused(run("prepare", tmp_path / "none.sdf", "--out", tmp_path / "x"), "no such file")
    refused(run("prepare", sample_sdf, "--out", sample_sdf / "x"), "cannot be written")


def test_train_refuses_bad_settings_with_a_hint(store_path: Path, tmp_path: Path):
    out, config = tmp_path / "run", tmp_path / "config.json"

    def train(*args: object) -> Result:
        return run("train", "--out", out, "--data", store_path, *args)

    refused(train("--set", "lerning_rate=1"), "unknown key 'lerning_rate'; did you mean 'learning_rate'?")
    refused(train("--set", "model.network.atm=8"), "'model.network.atm'; did you mean 'atom'?")
    refused(train("--set", "seed"), "--set seed: expected key=value")
    refused(train("--set", "seed=1", "--set", "seed.x=1"), "'seed' is one value")
    refused(train("--set", "learning_rate=-1"), "learning_rate", "greater than 0")
    refused(train("--set", "model.network.heads=5"), "heads 5 must divide")
    config.write_text('{"num_moleculs": 5}')
    refused(train("--config", config), "config.json", "did you mean 'num_training_molecules'?")
    config.write_text("{")
    refused(train("--config", config), "config.json: not a JSON file")
    refused(train("--config", tmp_path / "none.json"), "none.json: cannot be read")
    refused(run("train", "--out", out, "--data", "qm8"), "data 'qm8'", "moldiff prepare qm8")
    refused(train("--resume", "--config", config), "not a JSON file")
    refused(run("train", "--out", out, "--resume"), "config.json: cannot be read")
    refused(run("train", "--out", config / "run", "--data", store_path), "cannot be written")
    assert not out.exists()


def test_train_shows_the_resolved_settings(tmp_path: Path):
    config = tmp_path / "config.json"
    config.write_text('{"seed": 5, "model": {"network": {"atom": 64}}}')
    given = ["--set", "model.network.num_blocks=2", "--set", "precision=float32", "--data", "here"]
    result = run("train", "--out", tmp_path / "run", "--config", config, *given, "--show")
    shown = json.loads(result.stdout)
    assert (shown["seed"], shown["data"], shown["precision"]) == (5, "here", "float32")
    assert (shown["model"]["network"]["atom"], shown["model"]["network"]["num_blocks"]) == (64, 2)
    assert not (tmp_path / "run").exists()


def test_export_refuses_what_is_no_run(tmp_path: Path):
    refused(run("export", tmp_path, "--out", tmp_path / "x"), "config.json: cannot be read")


def test_info_shows_card_and_classes(weights: Path):
    result = run("info", weights)
    assert result.exit_code == 0, result.output
    assert "random" in result.stdout
    assert "3 to 29" in result.stdout
    refused(run("info", "qm8"), "weights 'qm8'")


def test_info_shows_what_a_store_holds_and_what_training_would_take(store_path: Path):
    result = run("info", store_path)
    assert result.exit_code == 0, result.output
    assert "3 to 29 in a molecule" in result.stdout
    assert "molecules a second of one process here" in " ".join(result.stdout.replace("│", " ").split())


def test_help_loads_little():
    """What takes the time of `moldiff --help` are imports; Rich alone doubles it."""
    code = (
        "import sys; from typer.testing import CliRunner; from moldiff.cli import app; "
        "assert CliRunner().invoke(app, {arguments}).exit_code == 0; "
        "print([name for name in ('rich', 'numpy', 'rdkit', 'pydantic', 'torch') if name in sys.modules])"
    )
    for arguments, loaded in ((["--help"], "[]\n"), (["info", "qm9"], "['rich', ")):
        command = [sys.executable, "-c", code.format(arguments=arguments)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith(loaded)


def test_only_the_command_that_runs_is_made():
    """Typer takes longer to make all of them than to print the help."""
    _command.cache_clear()
    run("--help")
    assert _command.cache_info().currsize == 0
    assert run("sample", "--help").exit_code == 0
    assert _command.cache_info().currsize == 1
    assert "Did you mean 'sample'" in run("smaple").stderr


def test_help_shows_names_and_texts_whole():
    """No markup is read, no name of an option and no summary of a command is cut."""
    commands = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    front = " ".join(run("--help").stdout.split())
    for name, command in commands:
        summary = " ".join(command.help.split("\n\n")[0].split())
        assert f" {name} {summary}" in front
        page = "".join(run(name, "--help").stdout.split())
        for parameter in command.params:
            assert parameter.name == "help" or "".join((getattr(parameter, "help", None) or "").split()) in page
            assert all(option in page for option in parameter.opts if option.startswith("--"))


def test_one_setting_of_a_group_leaves_the_others_as_they_are(tmp_path: Path):
    plain, changed = (
        json.loads(run("train", "--out", tmp_path / "x", *given, "--show").stdout)
        for given in ([], ["--set", "sampler.eta=0.5"])
    )
    plain["sampler"]["eta"] = 0.5
    assert changed == plain
