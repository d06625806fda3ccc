"""`moldiff.score` and its kin: the same figures as the commands, from files and from molecules in memory."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.cli import app
from moldiff.cli.evaluate import compare as compare_command
from moldiff.cli.evaluate import report as report_command
from moldiff.cli.evaluate import score as score_command
from moldiff.errors import ConfigError, DataError
from moldiff.evaluation.report import report
from moldiff.evaluation.scorer import ScoringOptions
from moldiff.evaluation.scoring import compare, score
from moldiff.io.formats import read_molecules

SINGULAR = {"protocol": "protocols", "check": "checks"}  # options of the command that may be repeated


@dataclass
class Drawn:
    """As `moldiff.generation.sample.Sample`."""

    molecule: Molecule | None
    result: object


@pytest.fixture(scope="module")
def molecules(sample_sdf: Path) -> list[Molecule]:
    return [molecule for _, molecule in read_molecules(sample_sdf) if isinstance(molecule, Molecule)][:30]


def test_score_of_a_file_is_what_the_command_writes(sample_sdf: Path, store_path: Path, tmp_path: Path):
    options = ["--reference", store_path, "--distances-to", store_path, "--protocol", "lookup", "--druglike"]
    arguments = ["score", sample_sdf, *options, "--num-requested", 250, "--json", tmp_path / "x.json"]
    command = CliRunner().invoke(app, [*map(str, arguments)])
    assert command.exit_code == 0, command.output
    result = score(
        sample_sdf,
        reference=store_path,
        distances_to=store_path,
        protocols=["lookup"],
        druglike=True,
        num_requested=250,
    )
    assert result.to_dict() == json.loads((tmp_path / "x.json").read_text())
    assert result.rates["valid"].denominator == 250
    assert 0 < result.rates["novel_of_unique"].numerator < 200
    assert set(result.protocols) == {"distance-bonds"}
    assert len(result.verdicts) == 200


@contextmanager
def busy_processes() -> Iterator[None]:
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def test_a_file_gives_the_same_figures_twice_and_beside_busy_processes(sample_sdf: Path, tmp_path: Path):
    few = tmp_path / "few.sdf"
    few.write_text("".join(f"{record}$$$$\n" for record in sample_sdf.read_text().split("$$$$\n")[:12]))

    def figures() -> tuple[str, list[str]]:
        result = score(few, chemistry="qm9", checks=["posebusters", "mmff94"], most_checked=3)
        assert {name: len(one.results) for name, one in result.checks.items()} == {"posebusters": 3, "mmff94": 3}
        return json.dumps(result.to_dict(), sort_keys=True), [repr(row.to_dict()) for row in result.rows]

    first = figures()
    assert figures() == first
    with busy_processes():
        assert figures() == first


def test_samples_molecules_and_rdkit_molecules_score_alike(molecules: list[Molecule]):
    mols = [to_rdkit(molecule) for molecule in molecules]
    samples = [Drawn(molecule, mol) for molecule, mol in zip(molecules, mols, strict=True)]
    one, two, three = (score(records).to_dict() for records in (molecules, mols, samples))
    assert one == two == three
    assert one["rates"]["valid"]["numerator"] == 30


def test_failed_samples_count_by_their_reason(molecules: list[Molecule]):
    failed = Drawn(None, Failure("coordinates", "are no numbers"))
    result = score([Drawn(molecules[0], None), failed, None])
    assert result.failures == {"coordinates": 1, "unreadable": 1}
    assert str(result.rates["valid"].numerator) + "/" + str(result.rates["valid"].denominator) == "1/3"


def test_what_is_no_molecule_is_refused(molecules: list[Molecule]):
    with pytest.raises(DataError, match="record 1 is a str, 'CCO'"):
        score(["CCO"])
    with pytest.raises(ConfigError, match="check 'no'"):
        score(molecules, checks=["no"])


def test_score_prints_tables_and_becomes_a_frame(molecules: list[Molecule]):
    result = score(molecules, data_row="qm9")
    text = str(result)
    assert "valid (all of these)" in text
    assert "data, %" in text
    assert "\x1b" not in text
    pytest.importorskip("pandas")
    frame = result.to_pandas()
    assert frame.loc["valid"].to_dict()["numerator"] == 30
    assert frame.loc["valid", "low"] == result.rates["valid"].interval[0]


def test_compare_gives_the_score_of_each(molecules: list[Molecule]):
    scores = compare({"all": molecules, "half": molecules[:15]}, options=ScoringOptions(reference={"CC"}))
    assert {name: one.num_requested for name, one in scores.items()} == {"all": 30, "half": 15}
    assert scores["half"].to_dict() == score(molecules[:15], reference={"CC"}).to_dict()
    with pytest.raises(ConfigError, match="two or more different files"):
        compare(["a.sdf", "a.sdf"])
    with pytest.raises(ConfigError, match="two or more different files"):
        compare({"all": molecules})


@pytest.mark.parametrize("command", [score_command, compare_command, report_command])
def test_commands_have_the_defaults_of_python(command):
    python = {**inspect.signature(score).parameters, **inspect.signature(report).parameters}
    for name, option in inspect.signature(command).parameters.items():
        if option.default is inspect.Parameter.empty or name in ("json", "csv", "sdf"):
            continue
        default = python[SINGULAR.get(name, name)].default
        assert (option.default or None) == (Path(default) if name == "out" else default or None), name
    for name, option in inspect.signature(score).parameters.items():
        if name in ScoringOptions.__dataclass_fields__:
            assert option.default == ScoringOptions.__dataclass_fields__[name].default
