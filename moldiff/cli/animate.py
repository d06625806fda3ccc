"""`moldiff animate`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli.terminal import say


def animate(
    file: Annotated[Path, Argument(help="What `moldiff sample --trajectory` wrote: .sdf, or .xyz without bonds.")],
    out: Annotated[Path, Option("--out", "-o", help="Animated picture to write: .gif.")],
    number: Annotated[int, Option("--number", "-n", min=1, help="Which molecule of the file.")] = 1,
    seconds: Annotated[float, Option(min=0.1, help="How long the molecule takes to form.")] = 4.0,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Shows a molecule as it forms.

    Example: moldiff sample -n 1 --out x.sdf --trajectory walk.sdf | moldiff animate walk.sdf --out forming.gif
    """
    from moldiff.chem.animation import animate as make
    from moldiff.chem.animation import read_walk
    from moldiff.chem.picture import check_free

    check_free(out, overwrite=overwrite)
    states = read_walk(file, number)
    make(states, out, seconds=seconds)
    say(f"{out}: {len(states)} pictures of {states[-1].name}")
