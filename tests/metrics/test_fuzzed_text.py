"""Whatever stands in a file, a score that adds up comes out, or an error of ours."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import fuzzed, mutated
from totals import adds_up

from moldiff.chem.molecule import Molecule
from moldiff.errors import MoldiffError
from moldiff.io.sdf import sdf_text
from moldiff.metrics.score import score_file

Embed = Callable[[str], Molecule]


@pytest.mark.slow
@fuzzed
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
