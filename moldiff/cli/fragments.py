"""`moldiff decorate` and `moldiff link`."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from moldiff.cli.assignments import Device, Out, Overwrite, Precision, Weights
from moldiff.cli.completing import NumEach, NumThreads, Seed, Steps, complete, records_of, usable
from moldiff.cli.conditions import Conditions, Guide, NumWalks, compete
from moldiff.cli.drawing import load
from moldiff.cli.sample import parse_num_atoms
from moldiff.errors import ConfigError, SizeError

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.chem.validity import Checked
    from moldiff.generator import MoleculeGenerator
    from moldiff.tasks.fragments import Fragment

Attach = Annotated[
    str | None,
    Option(help="Atoms that get a new bond in the place of a hydrogen, counted from 1: 3, or 3,5; twice is two bonds."),
]
Smarts = Annotated[str | None, Option(help="Or: all atoms that the first atom of this pattern matches, such as [CH2].")]
Add = Annotated[
    str | None, Option("--add", help="Atoms to add, with hydrogens: 5, or 3-8. (default: sizes as in the data)")
]


def decorate(
    scaffold: Annotated[str, Argument(help="A SMILES, or a file in 3D with all hydrogens: .sdf or .mol.")],
    out: Out,
    attach: Attach = None,
    smarts: Smarts = None,
    add: Add = None,
    num_each: NumEach = 10,
    weights: Weights = "qm9",
    num_steps: Steps = 50,
    seed: Seed = 0,
    condition: Conditions = None,
    num_walks: NumWalks = 1,
    guide: Guide = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws substituents on a scaffold, whose atoms, bonds and coordinates stay.

    A scaffold given as SMILES gets its coordinates from the same weights first (by ETKDG and MMFF94 where they know no
    molecule so small), and may have its places as stars.

    Examples: moldiff decorate "*c1ccco1" --add 3-8 -n 20 --out furans.sdf | moldiff decorate "*c1ccncc1" --weights
    druglike --condition logp=2 --num-walks 4 --out pyridines.sdf
    """
    from functools import partial

    from moldiff.chem.attachment import without_stars
    from moldiff.tasks.fragments import check_fragment, grow

    generator = load(weights, device, num_threads, precision)
    selection, judges = compete(generator, weights, condition, guide=guide, num_walks=num_walks)
    num_added = parse_num_atoms(add)
    if "*" in scaffold and attach is None and smarts is None and not Path(scaffold).exists():
        scaffold, places = without_stars(scaffold)
        attach = ",".join(str(place + 1) for place in places)
    path, records = records_of(scaffold)
    scaffolds, failed = usable(path, _in_space(generator, records, seed), lambda one: _open(one, attach, smarts))
    fragments = [_open(one, attach, smarts) for one in scaffolds]
    for fragment in fragments:
        _refuse_pieces(fragment, linked=False)
        check_fragment(generator, fragment, num_added)
    complete(
        fragments, partial(grow, generator, num_each=num_each, num_added=num_added, selection=selection), out,
        failed=failed, num_each=num_each, num_steps=num_steps, seed=seed, overwrite=overwrite, judges=judges,
    )  # fmt: skip


def link(
    file: Annotated[Path, Argument(help="The pieces in 3D with all hydrogens, in one record or in several: .sdf.")],
    out: Out,
    attach: Attach = None,
    smarts: Smarts = None,
    add: Add = None,
    num_each: NumEach = 10,
    weights: Weights = "qm9",
    num_steps: Steps = 50,
    seed: Seed = 0,
    condition: Conditions = None,
    num_walks: NumWalks = 1,
    guide: Guide = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws atoms that link pieces, whose atoms, bonds and coordinates stay.

    Atoms are counted through the whole file: the first of the second record follows the last of the first.

    Example: moldiff link pieces.sdf --attach 2,9 --add 2-6 -n 20 --out linked.sdf
    """
    from functools import partial

    from moldiff.chem.attachment import together
    from moldiff.chem.files import read_molecules
    from moldiff.tasks.fragments import check_fragment, grow

    generator = load(weights, device, num_threads, precision)
    selection, judges = compete(generator, weights, condition, guide=guide, num_walks=num_walks)
    num_added = parse_num_atoms(add)
    parts, failed = usable(file, read_molecules(file), lambda part: None)
    if failed:
        raise ConfigError(next(f"{label}: {why}" for label, why in failed.items()))
    fragment = _open(together(parts), attach, smarts)
    _refuse_pieces(fragment, linked=True)
    check_fragment(generator, fragment, num_added)
    complete(
        [fragment], partial(grow, generator, num_each=num_each, num_added=num_added, selection=selection), out,
        failed={}, num_each=num_each, num_steps=num_steps, seed=seed, overwrite=overwrite, judges=judges,
    )  # fmt: skip


def _open(molecule: "Molecule", attach: str | None, smarts: str | None) -> "Fragment":
    from moldiff.chem.attachment import matches
    from moldiff.tasks.fragments import opened

    if (attach is None) == (smarts is None):
        raise ConfigError("give the attachment atoms by --attach or by --smarts, such as --attach 3; or * in a SMILES")
    if smarts is not None:
        return opened(molecule, matches(molecule, smarts))
    try:
        return opened(molecule, [int(atom) - 1 for atom in str(attach).split(",")])
    except ValueError as error:
        if isinstance(error, ConfigError) or not str(error).startswith("invalid literal"):
            raise
        raise ConfigError(f"--attach {attach}: expected numbers of atoms, such as 3 or 3,5") from error


def _refuse_pieces(fragment: "Fragment", *, linked: bool) -> None:
    from moldiff.chem.attachment import pieces

    count = int(pieces(fragment.molecule).max()) + 1
    if linked and count == 1:
        raise ConfigError(f"molecule {fragment.molecule.name!r}: is one piece; moldiff decorate adds to it")
    if not linked and count > 1:
        raise ConfigError(f"molecule {fragment.molecule.name!r}: is {count} pieces; moldiff link joins them")


def _in_space(
    generator: "MoleculeGenerator", records: "Iterable[tuple[int, Checked]]", seed: int
) -> "Iterator[tuple[int, Molecule | Failure]]":
    """Scaffolds with coordinates: their own, or those that the weights draw, or ETKDG's where none is so small."""
    from moldiff.chem.border import convert, title
    from moldiff.chem.embedding import embedded
    from moldiff.chem.molecule import Failure
    from moldiff.chem.stereo import graph_of
    from moldiff.tasks.conformers import conformers

    for number, record in records:
        if isinstance(record, Failure) or record.GetNumConformers():
            yield number, record if isinstance(record, Failure) else convert(record)
            continue
        graph = graph_of(record)
        if isinstance(graph, Failure):
            yield number, graph
            continue
        try:
            (sample,) = conformers(generator, [graph], seed=seed)
        except SizeError:
            alone = embedded(title(record), seed=seed)  # records without coordinates are named by their SMILES
            yield number, alone if isinstance(alone, Failure) else replace(alone, properties={})
            continue
        drawn = sample.result if isinstance(sample.result, Failure) else sample.molecule
        yield number, drawn if drawn is not None else Failure("coordinates", "none were drawn")
