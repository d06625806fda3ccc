"""`moldiff draw`."""

from itertools import islice
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli.terminal import say


def draw(
    file: Annotated[Path, Argument(help="Molecules with bonds and all hydrogens, such as an .sdf.")],
    out: Annotated[Path, Option("--out", "-o", help="Picture to write: .png or .svg.")],
    num: Annotated[int, Option("--num", "-n", min=1, help="Draw the first so many valid molecules.")] = 12,
    columns: Annotated[int, Option(min=1, help="Molecules in a row.")] = 4,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Draws the structural formulae of valid molecules in a grid.

    Example: moldiff draw samples.sdf --out samples.png
    """
    from moldiff.chem.files import read_molecules
    from moldiff.chem.molecule import Failure
    from moldiff.chem.picture import check_free, draw_grid
    from moldiff.chem.validity import check

    check_free(out, overwrite=overwrite)
    checked = (check(record) for _, record in read_molecules(file) if not isinstance(record, Failure))
    mols = list(islice((mol for mol in checked if not isinstance(mol, Failure)), num))
    draw_grid(mols, out, columns=columns)
    say(f"{out}: {len(mols)} molecules")
