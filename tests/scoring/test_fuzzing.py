"""Whatever stands in a file, a score that adds up comes out, or an error of ours; good records count beside bad."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moldiff.chem.files import read_molecules
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.perception import bonds_of_geometry
from moldiff.chem.sdf import sdf_text
from moldiff.chem.validity import judge
from moldiff.chem.xyz import xyz_text
from moldiff.errors import MoldiffError
from moldiff.scoring.protocols import PROTOCOLS
from moldiff.scoring.score import Score, score_file

Embed = Callable[[str], Molecule]
SMILES = ("CCO", "c1ccncc1", "C[NH+](C)CC(=O)[O-]")
# What breaks readers: signs, numbers that are none, columns moved, other scripts, and the words of the format itself.
PIECES = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "-",
            "nan",
            "inf",
            "1e999",
            "999",
            "-1",
            "0",
            "M  END",
            "M  CHG  1   1  15",
            "V3000",
            "R#",
            "*",
            "D",
            "Xx",
            "\t",
        ]
    ),
    st.text(st.characters(exclude_characters="$\n\r\0", exclude_categories=["Cs"]), max_size=6),
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """The text with some places cut, overwritten, or with something put in; lines may be lost or doubled."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES) + text[end:]
        if draw(st.booleans()):
            lines = text.split("\n")
            index = draw(st.integers(0, len(lines) - 1))
            lines[index : index + 1] = [lines[index]] * draw(st.sampled_from([0, 2]))
            text = "\n".join(lines)
    return text


def adds_up(result: Score) -> bool:
    rates = result.rates
    valid, read = rates["valid"].numerator, rates["read"].numerator
    return (
        valid + sum(result.failures.values()) == result.num_requested == len(result.verdicts)
        and valid <= min(rates[name].numerator for name in ("sanitised", "no_radicals", "one_fragment", "read"))
        and rates["stable"].numerator <= read
        and all(0 <= rate.numerator <= rate.denominator for rate in rates.values())
        and all(r.numerator <= r.denominator for rates in result.protocols.values() for r in rates.values())
    )


fuzzed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.slow
@settings(fuzzed, max_examples=4000)
@given(data=st.data())
def test_mutated_sdf_costs_its_own_record_alone(data: st.DataObject, embed: Embed, tmp_path: Path):
    good = [sdf_text(embed(smiles)) for smiles in SMILES]
    broken = data.draw(mutated(good[data.draw(st.integers(0, 2))].removesuffix("$$$$\n")))
    file = tmp_path / "x.sdf"
    file.write_text(good[0] + broken.removesuffix("\n") + "\n$$$$\n" + good[1], encoding="utf-8")
    result = score_file(file, protocols=list(PROTOCOLS))
    assert adds_up(result)
    assert result.verdicts[0].smiles == "CCO"
    assert result.verdicts[-1].smiles == "c1ccncc1"


@pytest.mark.slow
@settings(fuzzed, max_examples=3000)
@given(data=st.data(), suffix=st.sampled_from([".sdf", ".smi", ".csv"]))
def test_any_text_is_scored_or_refused(data: st.DataObject, suffix: str, embed: Embed, tmp_path: Path):
    start = {".sdf": sdf_text(embed("CCO")), ".smi": "CCO a\nC[NH3+]\n", ".csv": "id,smiles\n1,CCO\n2,c1ccccc1\n"}[
        suffix
    ]
    text = data.draw(st.one_of(mutated(start), st.text(st.characters(exclude_categories=["Cs"]), max_size=200)))
    file = tmp_path / f"x{suffix}"
    file.write_text(text, encoding="utf-8")
    try:
        result = score_file(file)
    except MoldiffError:
        return
    assert adds_up(result)


@pytest.mark.slow
@settings(fuzzed, max_examples=3000)
@given(data=st.data())
def test_mutated_xyz_is_read_perceived_or_refused(data: st.DataObject, embed: Embed, tmp_path: Path):
    file = tmp_path / "x.xyz"
    file.write_text(data.draw(mutated(xyz_text(embed("CO")) + xyz_text(embed("C#N")))), encoding="utf-8")
    try:
        frames = [frame for _, frame in read_molecules(file)]
    except MoldiffError:
        return
    for frame in frames:
        if isinstance(frame, Molecule) and len(frame) < 20:
            perceived = bonds_of_geometry(frame)
            assert isinstance(perceived, Failure) or judge(perceived).read
