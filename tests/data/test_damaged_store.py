"""A store that opens is whole; anything else is one line that names the file and the remedy."""

import json
import shutil
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from damage import damaged_bytes, damaged_json

from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError, MoldiffError

Edit = Callable[[Path], object]


def edit_meta(change: Callable[[dict[str, Any]], object]) -> Edit:
    def edit(folder: Path) -> None:
        meta = json.loads((folder / "meta.json").read_text())
        change(meta)
        (folder / "meta.json").write_text(json.dumps(meta))

    return edit


def edit_statistics(**changes: object) -> Edit:
    return edit_meta(lambda meta: meta["statistics"].update(changes))


def edit_arrays(change: Callable[[dict[str, np.ndarray]], object]) -> Edit:
    def edit(folder: Path) -> None:
        arrays = safetensors.numpy.load_file(folder / "arrays.safetensors")
        change(arrays)
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        safetensors.numpy.save_file(arrays, folder / "arrays.safetensors")

    return edit


def put(name: str, place: Any, value: Any) -> Edit:
    return edit_arrays(lambda arrays: arrays[name].__setitem__(place, value))


def cast(name: str, kind: Any) -> Edit:
    return edit_arrays(lambda arrays: arrays.update({name: arrays[name].astype(kind)}))


def swap_classes(meta: dict[str, Any]) -> None:
    marginals = meta["statistics"]["atom_marginals"]
    marginals[0], marginals[1] = marginals[1], marginals[0]


BAD: dict[str, tuple[Edit, str]] = {
    "NaN": (put("pos", (30, 1), np.nan), "coordinate of molecule number 7 is .*nan"),
    "infinity": (put("pos", (-1, 0), np.inf), "coordinate of molecule number 200 "),
    "far away": (put("pos", (0, 0), 1e30), "coordinate of molecule number 1 "),
    "positions in 2D": (edit_arrays(lambda a: a.update(pos=a["pos"][:, :2])), "'pos' is float32 of shape .*, 2"),
    "positions in half": (cast("pos", np.float16), "'pos' is F16"),
    "positions in double": (cast("pos", np.float64), "'pos' is float64"),
    "class": (put("atom", 7, 200), "an atom of molecule number 2 is of class 200, there are 9"),
    "classes of 64 bits": (cast("atom", np.int64), "'atom' is int64"),
    "order 9": (put("bond_order", 3, 9), "bond of molecule number 1 is of order 9"),
    "order 0": (put("bond_order", -1, 0), "bond of molecule number 200 is of order 0"),
    "bond beyond": (put("bond_ends", (0, 1), 99), "between atoms 1 and 100 of 5"),
    "bond to itself": (put("bond_ends", (0, 1), 0), "between atoms 1 and 1 of 5"),
    "bond turned round": (put("bond_ends", 0, (1, 0)), "between atoms 2 and 1"),
    "bond twice": (put("bond_ends", 1, (0, 1)), "each bond once"),
    "no atoms": (edit_arrays(lambda a: a["size"].__iadd__(0 * a["size"]).__setitem__([0, 1], [0, 9])), "'size' is 0"),
    "size": (put("size", 0, 6), "'(atom|pos)' has .* rows, expected"),
    "number of bonds": (put("num_bonds", 0, 9), "'bond_.*' has .* rows, expected"),
    "split": (put("split", 3, 3), "'split' is 3 for molecule number 4"),
    "other split": (put("split", 3, 2), "meta.json has the splits"),
    "infinite property": (put("property.gap", 3, -np.inf), "'property.gap' is -inf for molecule number 4"),
    "short property": (edit_arrays(lambda a: a.update({"property.gap": a["property.gap"][1:]})), "'property.gap' has"),
    "property of integers": (cast("property.gap", np.int32), "'property.gap' is int32"),
    "square property": (edit_arrays(lambda a: a.update({"property.gap": np.zeros((200, 2))})), "'property.gap' is"),
    "foreign array": (edit_arrays(lambda a: a.update(weight=np.zeros(200))), r"\['weight'\] unknown"),
    "array gone": (edit_arrays(lambda a: a.pop("split")), r"\['split'\] are missing"),
    "names in Latin-1": (put("names", 0, 0xE9), "'names' is no UTF-8 text"),
    "SMILES cut": (edit_arrays(lambda a: a.update(smiles=a["smiles"][:-1])), "'smiles' has 199 lines"),
    "SMILES with more": (put("smiles", -1, 67), "'smiles' has 199 lines"),
    "one line more": (put("names", 0, 10), "'names' has 201 lines"),
    "number of molecules": (edit_meta(lambda m: m.update(num_molecules=-1)), "meta.json: num_molecules: "),
    "as text": (edit_meta(lambda m: m.update(num_molecules="200")), "meta.json: num_molecules: .*, got '200'"),
    "total": (edit_meta(lambda m: m.update(total=1)), "meta.json has 1 records"),
    "left out": (edit_meta(lambda m: m.update(left_out={"x": -3})), "meta.json: left_out.x: "),
    "splits": (edit_meta(lambda m: m["splits"].update(train=3)), "meta.json has the splits"),
    "no splits": (edit_meta(lambda m: m.update(splits=[160, 20, 20])), "meta.json: splits: "),
    "name": (edit_meta(lambda m: m.update(name=None)), "meta.json: name: "),
    "units": (edit_meta(lambda m: m.update(units={"gap": 1})), "meta.json: units.gap: "),
    "classes": (edit_meta(lambda m: m.update(classes={"gap": ["a", "b"]})), "'property.gap' is .* of 2 classes"),
    "key gone": (edit_meta(lambda m: m.pop("total")), r"missing keys \['total'\]"),
    "statistics gone": (edit_meta(lambda m: m.update(statistics=None)), "meta.json: statistics: "),
    "element": (edit_statistics(vocabulary=["Xx"] * 9), "meta.json: .*'Xx' is no element|each only once"),
    "charge": (edit_statistics(vocabulary=["H", "C", "C+" + "9" * 30, "N", "O", "F", "S", "P", "Cl"]), "C\\+999"),
    "vocabulary as text": (edit_statistics(vocabulary="HCNOFSPBI"), "instead of list"),
    "scale": (edit_statistics(pos_scale=100.0), "pos_scale of the statistics in meta.json are not those"),
    "infinite scale": (edit_statistics(pos_scale=1e999), "Infinity is no number"),
    "swapped marginals": (edit_meta(swap_classes), "atom_marginals of the statistics in meta.json are not those"),
    "bonds": (edit_statistics(bond_marginals=[0.25] * 4), "bond_marginals of the statistics"),
    "sizes": (edit_statistics(sizes={"9": 160}), "sizes of the statistics"),
    "heavy atoms": (edit_statistics(num_heavy_atoms=[1, 40]), "num_heavy_atoms of the statistics"),
    "net charge": (edit_statistics(net_charge=[-1, 0]), "net_charge of the statistics"),
    "monstrous sizes": (edit_statistics(sizes={"1000000000": 160}), "1 to 1000"),
    "score": (edit_statistics(score={"num_requested": 1, "failures": {}, "rates": {"x": {}}}), "wrong kind"),
    "deep": (lambda p: (p / "meta.json").write_text("[" * 100_000), "not JSON|not the description"),
    "not UTF-8": (lambda p: (p / "meta.json").write_bytes(b'{"name": "\xff"}'), "meta.json: not JSON"),
    "no arrays": (lambda p: (p / "arrays.safetensors").unlink(), "arrays.safetensors: cannot be read"),
    "a folder": (lambda p: [(p / "meta.json").unlink(), (p / "meta.json").mkdir()], "meta.json: cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_store_is_one_clear_line(case: str, store_path: Path, tmp_path: Path):
    spoil, message = BAD[case]
    copy = shutil.copytree(store_path, tmp_path / "copy")
    spoil(copy)
    with pytest.raises(DataError, match=message) as caught:
        MoleculeStore(copy)
    text = str(caught.value)
    assert str(copy) in text
    assert "\n" not in text
    assert len(text) < 500


def is_whole(store: MoleculeStore) -> bool:
    orders = store.bond_orders()
    molecules = [store.molecule(i) for i in range(len(store))]
    finite = all(np.isfinite(molecule.pos).all() for molecule in molecules)
    columns = all(not np.isinf(store.property(name)).any() for name in store.property_names)
    return finite and columns and bool(((orders >= 1) & (orders <= 3)).all()) and len(store.split("train")) > 0


def test_store_that_opens_is_whole_whatever_was_done_to_it(store_path: Path, tmp_path: Path):
    copy = shutil.copytree(store_path, tmp_path / "copy")
    meta, arrays = copy / "meta.json", copy / "arrays.safetensors"
    text, whole = meta.read_text(), arrays.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    refused, opened = [], 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        meta.write_text(text)
        arrays.write_bytes(whole)
        if seed % 4 == 0:
            meta.write_text(damaged_json(text, rng))
        elif seed % 4 == 1:
            meta.write_bytes(damaged_bytes(text.encode(), rng))
        elif seed % 4 == 2:
            arrays.write_bytes(damaged_bytes(whole[:header], rng) + whole[header:])
        else:
            arrays.write_bytes(damaged_bytes(whole, rng))
        try:
            store = MoleculeStore(copy)
        except MoldiffError as error:
            refused.append(str(error))
        else:
            assert is_whole(store)
            opened += 1
    assert len(refused) > 300
    assert all(str(copy) in text and "\n" not in text for text in refused)
    assert opened > 10


def test_store_is_looked_at_once(store_path: Path, tmp_path: Path):
    """Another process, which the first has sent it to, reads nothing but what it needs."""
    copy = shutil.copytree(store_path, tmp_path / "copy")
    sent = ForkingPickler.dumps(MoleculeStore(copy))
    put("pos", (0, 0), np.nan)(copy)
    assert len(ForkingPickler.loads(sent)) == 200
