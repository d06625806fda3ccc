"""Scores any SDF in Python, ours or anybody's: strict rates, and how far its geometry lies from a reference.

python scripts/score.py samples.sdf --reference datasets/qm9/sample.sdf
"""

import argparse

from rich.console import Console

from moldiff.chem.molecule import Molecule
from moldiff.io.formats import read_molecules
from moldiff.metrics.console import render
from moldiff.metrics.score import score_file


def main() -> None:
    """Prints the table of rates, then distances between distributions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help=".sdf with bonds and all hydrogens")
    parser.add_argument("--reference", help=".sdf of known molecules")
    args = parser.parse_args()

    known = [] if args.reference is None else [m for _, m in read_molecules(args.reference) if isinstance(m, Molecule)]
    result = score_file(args.file, reference=args.reference, distances_to=known, protocols=["distance-bonds"])
    Console().print(render(result))


if __name__ == "__main__":
    main()
