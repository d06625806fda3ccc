import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

from moldiff.errors import OutputError
from moldiff.io.formats import read_molecules
from moldiff.io.writer import open_writer

EXTENSIONS = [".sdf", ".xyz", ".smi", ".csv"]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_writer_leaves_what_is_done_when_interrupted(tmp_path, embed, extension: str) -> None:
    path = tmp_path / f"a{extension}"
    with pytest.raises(KeyboardInterrupt), open_writer(path) as writer:  # noqa: PT012
        for _ in range(3):
            writer.write(embed("CO"))
            seen = path.read_text()  # on disk before the file is closed
        raise KeyboardInterrupt
    assert path.read_text() == seen
    assert writer.num_written == 3
    if extension in (".sdf", ".xyz"):
        assert len(list(read_molecules(path))) == 3


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_is_one_error(tmp_path, embed, extension: str) -> None:
    path = tmp_path / f"a{extension}"
    path.symlink_to("/dev/full")
    message = "writing stopped after 0 molecules: No space left"
    with pytest.raises(OutputError, match=message) as caught, open_writer(path, overwrite=True) as writer:
        writer.write(embed("CO"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_path_that_cannot_be_written_is_one_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for path, message in (
        (tmp_path / "no" / "a.sdf", "No such file"),
        (tmp_path / "file" / "a.sdf", "Not a directory"),
        (tmp_path / "a.pdb", "extension must be one of"),
        (tmp_path / "a", "extension must be one of"),
    ):
        with pytest.raises(OutputError, match=message):
            open_writer(path)
    if os.geteuid():  # root writes anywhere
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="Permission denied"):
            open_writer(tmp_path / "a.sdf")


def test_writer_replaces_only_on_request(tmp_path) -> None:
    path = tmp_path / "a.sdf"
    path.write_text("precious")
    with pytest.raises(OutputError, match="already there"):
        open_writer(path)
    assert path.read_text() == "precious"
    open_writer(path, overwrite=True).close()
    assert path.read_text() == ""


def test_csv_tells_valid_from_invalid(tmp_path, embed, build) -> None:
    good = replace(embed("C[C@H](F)O", name="g,ood"), properties={"gap": 0.5})
    bad = build("C H H H", [(0, 1, 1), (0, 2, 1), (0, 3, 1)], name="bad")
    with open_writer(tmp_path / "a.csv") as writer:
        writer.write(good)
        writer.write(bad)
        with pytest.raises(OutputError, match="property 'new' has no column"):
            writer.write(replace(good, properties={"new": 1}))
    one, two = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert "@" in one["smiles"]
    assert (one["name"], one["gap"], one["valid"], one["reason"]) == ("g,ood", "0.5", "1", "")
    assert (two["smiles"], two["name"], two["gap"], two["valid"], two["reason"]) == ("", "bad", "", "0", "radical")


def test_smi_leaves_out_invalid_and_counts_them(tmp_path, embed, build) -> None:
    with open_writer(tmp_path / "a.smi") as writer:
        writer.write(embed("c1ccccc1", name="b z"))
        writer.write(build("C H H H", [(0, 1, 1), (0, 2, 1), (0, 3, 1)]))
    assert (tmp_path / "a.smi").read_text() == "c1ccccc1 b z\n"
    assert (writer.num_written, writer.num_left_out) == (1, 1)
