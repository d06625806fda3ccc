"""Whatever stands in a record, the score adds up, and good records count beside bad."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import fuzzed, mutated
from totals import adds_up

from moldiff.chem.molecule import Molecule
from moldiff.io.sdf import sdf_text
from moldiff.metrics.protocols import PROTOCOLS
from moldiff.metrics.score import score_file

Embed = Callable[[str], Molecule]
SMILES = ("CCO", "c1ccncc1", "C[NH+](C)CC(=O)[O-]")


@pytest.mark.slow
@fuzzed
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
