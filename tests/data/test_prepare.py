import gzip
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from rich.console import Console

from moldiff.chem.molecule import Molecule
from moldiff.data.prepare import prepare
from moldiff.data.sources.base import Source
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError, FileFormatError, OutputError
from moldiff.io.formats import read_molecules
from moldiff.io.writer import open_writer


def record(*atoms: str, bonds: tuple[str, ...] = (), name: str = "bad") -> str:
    lines = [name, "", "", f"{len(atoms):3d}{len(bonds):3d}  0  0  0  0  0  0  0  0999 V2000"]
    return "\n".join([*lines, *atoms, *bonds, "M  END", "$$$$", ""])


def atom(symbol: str, x: str = "0.0000") -> str:
    return f"{x:>10}{'0.0000':>10}{'0.0000':>10} {symbol:<3} 0  0  0  0  0  0  0  0  0  0  0  0"


HUGE = (
    "\n  x\n\n  0  0  0     0  0            999 V3000\n"
    "M  V30 BEGIN CTAB\nM  V30 COUNTS 5000 0 0 0 0\nM  V30 BEGIN ATOM\n"
    + "".join(f"M  V30 {i + 1} Ar {4 * i % 400} {4 * i // 400} 0 0\n" for i in range(5000))
    + "M  V30 END ATOM\nM  V30 END CTAB\nM  END\n$$$$\n"
)
BAD = {
    "element": record(atom("Xx")),
    "coordinates": record(atom("Ar", "nan")),
    "implicit_hydrogen": record(atom("C")),
    "fragments": record(*map(atom, "FHFH"), bonds=("  1  2  1  0", "  3  4  1  0")),
    "no_bonds": record(atom("Ar"), atom("Ar", "9.0000")),
    "valence": record(atom("F"), atom("F", "1.4000"), bonds=("  1  2  3  0",)),
    "size": HUGE,
}


def test_prepare_accounts_for_every_record(sample_path: Path, tmp_path: Path):
    whole = sample_path.read_text()
    file = tmp_path / "mixed.sdf"
    file.write_text(whole + "".join(BAD.values()) + BAD["element"] + whole[:300])
    report = prepare(file, tmp_path / "store")
    expected = {**dict.fromkeys(BAD, 1), "element": 2, "truncated": 1}
    assert report.left_out == expected
    assert (report.kept, report.total) == (200, 200 + sum(expected.values()))
    store = MoleculeStore(tmp_path / "store")
    assert store.meta["left_out"] == expected
    assert store.meta["total"] == report.total == len(store) + sum(store.meta["left_out"].values())
    assert sum(report.splits.values()) == 200
    assert set(report.examples) == set(expected)
    assert "Xx" in report.examples["element"]
    console = Console(record=True, width=150, file=io.StringIO())
    console.print(report.table())
    text = console.export_text()
    assert all(reason in text for reason in expected)


@pytest.mark.parametrize("reason", BAD)
def test_prepare_names_the_reason_when_nothing_is_left(reason: str, tmp_path: Path):
    file = tmp_path / "bad.sdf"
    file.write_text(BAD[reason])
    with pytest.raises(DataError, match="none of 1 records could be kept: 1 ") as caught:
        prepare(file, tmp_path / "store")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("text", ["", "\n\n", "<html><body>Sign in</body></html>\n"])
def test_prepare_refuses_what_is_no_molecule_file(text: str, tmp_path: Path):
    file = tmp_path / "mine.sdf"
    file.write_text(text)
    with pytest.raises(FileFormatError, match="mine"):
        prepare(file, tmp_path / "store")


def test_prepare_refuses_unclear_requests(sample_path: Path, store: MoleculeStore, tmp_path: Path):
    with pytest.raises(DataError, match="no such file"):
        prepare("qm8", tmp_path / "store")
    with pytest.raises(DataError, match="goes with qm9 and moses3d and chembl3d"):
        prepare(sample_path, tmp_path / "store", from_file="gdb9.sdf")
    with pytest.raises(OutputError, match="there is a store"):
        prepare(sample_path, store.path)
    with pytest.raises(OutputError, match="cannot be written"):
        prepare("qm9", sample_path / "store")


def test_prepare_does_not_depend_on_workers_but_split_on_seed(sample_path: Path, tmp_path: Path):
    file = tmp_path / "three.sdf"
    file.write_text(sample_path.read_text() * 3)  # more than one chunk
    prepare(file, tmp_path / "one")
    prepare(file, tmp_path / "two", num_workers=2)
    prepare(file, tmp_path / "other", seed=1)
    one, two, other = ((tmp_path / name / "arrays.safetensors").read_bytes() for name in ("one", "two", "other"))
    assert one == two
    assert one != other


def test_prepare_says_when_a_worker_died(tmp_path: Path):
    source = Source("fragile", [1] * 1000, 1000, os._exit, {})  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="a process reading fragile died"):
        prepare(source, tmp_path / "store", num_workers=2)
    assert not list(tmp_path.iterdir())


def test_prepare_shows_progress_and_time_left(sample_path: Path, tmp_path: Path):
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    prepare(sample_path, tmp_path / "store", console=console)
    assert isinstance(console.file, io.StringIO)
    assert "reading sample" in console.file.getvalue()
    assert "200/" in console.file.getvalue()


def test_prepare_assigns_bonds_to_xyz_with_smiles(sample: list[Molecule], store: MoleculeStore, tmp_path: Path):
    file = tmp_path / "mine.xyz"
    frames = []
    for i, molecule in enumerate(sample[:40]):
        symbols = [store.vocabulary.labels[k].rstrip("+-1") for k in store[i].atom]
        rows = [f"{s} {x} {y} {z}" for s, (x, y, z) in zip(symbols, molecule.pos, strict=True)]
        tag = f"smiles={store.smiles(i)}" if i else ""  # RDKit sees the bonds of the first
        comment = f"{molecule.name} {tag} gap={molecule.properties['gap']}"
        frames.append("\n".join([str(len(molecule)), comment, *rows, ""]))
    file.write_text("".join(frames))
    report = prepare(file, tmp_path / "store")
    assert report.left_out == {}
    made = MoleculeStore(tmp_path / "store")
    assert len(made) == 40
    for i in range(40):
        np.testing.assert_array_equal(made.molecule(i).bond > 0, sample[i].bond > 0)
        assert made.molecule(i).properties == {"gap": pytest.approx(sample[i].properties["gap"])}


def test_prepare_reads_gzip(sample_path: Path, tmp_path: Path):
    file = tmp_path / "mine.sdf.gz"
    file.write_bytes(gzip.compress(sample_path.read_bytes()))
    assert prepare(file, tmp_path / "store").kept == len(list(read_molecules(sample_path)))


def planar(path: Path, *smiles: str, length: float | None = None) -> Path:
    """Drawings by RDKit with all hydrogens, or with bonds of another length."""
    with Chem.SDWriter(str(path)) as writer:
        for text in smiles:
            mol = Chem.AddHs(Chem.MolFromSmiles(text))
            AllChem.Compute2DCoords(mol)
            if length is not None:
                AllChem.NormalizeDepiction(mol, scaleFactor=length / 1.5, canonicalize=0)
            mol.SetProp("_Name", text)
            writer.write(mol)
    return path


@pytest.mark.parametrize("length", [None, 0.7, 2.0])
def test_drawings_are_left_out(length: float | None, sample_path: Path, tmp_path: Path):
    drawings = planar(tmp_path / "flat.sdf", "CCO", "c1ccccc1", "CC#N", "O", "C=C", "C", length=length)
    drawings.write_text(drawings.read_text() + sample_path.read_text())
    report = prepare(drawings, tmp_path / "store")
    assert report.left_out["flat"] + report.left_out.get("overlap", 0) == 6
    assert report.kept == 200  # among them flat molecules
    assert report.examples["flat"].startswith("CCO: all atoms lie in a plane, though")


def test_flat_molecules_are_kept(tmp_path: Path):
    mols = [Chem.AddHs(Chem.MolFromSmiles(text)) for text in ("c1ccccc1", "C=C", "O", "C#C", "C#N", "C=O", "[H][H]")]
    with Chem.SDWriter(str(tmp_path / "mine.sdf")) as writer:
        for mol in mols:
            AllChem.EmbedMolecule(mol, randomSeed=1)
            AllChem.MMFFOptimizeMolecule(mol)
            pos = mol.GetConformer().GetPositions()
            pos = (pos - pos.mean(0)) @ np.linalg.svd(pos - pos.mean(0))[2].T
            assert np.abs(pos[:, 2]).max() < 0.02
            mol.GetConformer().SetPositions(pos * [1, 1, 0])
            writer.write(mol)
    assert prepare(tmp_path / "mine.sdf", tmp_path / "store").kept == len(mols)


def test_atoms_in_one_place_are_left_out(sample: list[Molecule], tmp_path: Path):
    with open_writer(tmp_path / "mine.sdf") as writer:
        writer.write(replace(sample[5], pos=0 * sample[5].pos))
        writer.write(replace(sample[6], pos=np.concatenate([sample[6].pos[1:2] + 0.1, sample[6].pos[1:]])))
        writer.write(sample[7])
    report = prepare(tmp_path / "mine.sdf", tmp_path / "store")
    assert report.left_out == {"overlap": 2}
    assert "atoms 1 and 2 lie within 0.4 Å" in report.examples["overlap"]
