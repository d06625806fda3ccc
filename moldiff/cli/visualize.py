"""Commands that draw molecules: `draw` and `animate`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli._terminal import say


def animate(
    file: Annotated[Path, Argument(help="What `moldiff sample --trajectory` wrote: .sdf, or .xyz without bonds.")],
    out: Annotated[Path, Option("--out", "-o", help="Animated picture to write: .gif.")],
    number: Annotated[int, Option("--number", "-n", min=1, help="Which molecule of the file.")] = 1,
    seconds: Annotated[float, Option(min=0.1, help="How long the molecule takes to form.")] = 4.0,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Shows a molecule as it forms.

    Example: moldiff sample -n 1 --out x.sdf --trajectory states.sdf | moldiff animate states.sdf --out forming.gif
    """
    from moldiff.viz.animation import animate as make
    from moldiff.viz.animation import read_trajectory
    from moldiff.viz.depict import check_free

    check_free(out, overwrite=overwrite)
    states = read_trajectory(file, number)
    make(states, out, seconds=seconds)
    say(f"{out}: {len(states)} pictures of {states[-1].name}")


def draw(
    file: Annotated[Path, Argument(help="Molecules with bonds and all hydrogens, such as an .sdf.")],
    out: Annotated[Path, Option("--out", "-o", help="Picture to write: .png or .svg.")],
    num: Annotated[int, Option("--num", "-n", min=1, help="Draw the first so many valid molecules.")] = 12,
    columns: Annotated[int, Option(min=1, help="Molecules in a row.")] = 4,
    align: Annotated[
        str | None, Option(help='Draw this scaffold in one place in all that have it: SMILES or SMARTS, "c1ccncc1".')
    ] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Draws the structural formulae of valid molecules in a grid, with the stereo of their coordinates.

    Example: moldiff draw samples.sdf --align c1ccncc1 --out samples.png
    """
    from moldiff.chem.molecule import Failure
    from moldiff.chem.validity import check
    from moldiff.io.formats import read_molecules
    from moldiff.viz.depict import check_free, draw_grid, scaffold_of

    check_free(out, overwrite=overwrite)
    scaffold = None if align is None else scaffold_of(align)
    checked = (record if isinstance(record, Failure) else check(record) for _, record in read_molecules(file))
    mols, left_out = [], 0
    for mol in checked:
        if isinstance(mol, Failure):
            left_out += 1
        else:
            mols.append(mol)
        if len(mols) == num:
            break
    aligned = draw_grid(mols, out, columns=columns, scaffold=scaffold)
    notes = [f"{left_out} among them are not valid"] if left_out else []
    if scaffold is not None and aligned < len(mols):
        notes.append(f"{len(mols) - aligned} without {align} are drawn as they are")
    say("; ".join([f"{out}: {len(mols)} molecules", *notes]))
