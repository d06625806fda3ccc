"""Scores any SDF in Python, ours or anybody's: strict rates, and how far its geometry lies from a reference.

python scripts/score.py samples.sdf --reference datasets/qm9/sample.sdf
"""

import argparse

from rich.console import Console

from moldiff.chem.files import read_molecules
from moldiff.chem.molecule import Molecule
from moldiff.scoring.geometry import geometry_distances
from moldiff.scoring.report import render
from moldiff.scoring.score import score_file


def main() -> None:
    """Prints the table of rates, then distances between distributions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help=".sdf with bonds and all hydrogens")
    parser.add_argument("--reference", help=".sdf of known molecules")
    args = parser.parse_args()

    result = score_file(args.file, reference=args.reference)
    Console().print(render(result))
    if args.reference is None:
        return
    reference = [m for _, m in read_molecules(args.reference) if isinstance(m, Molecule)]
    records = [m for _, m in read_molecules(args.file)]
    valid = [m for m, v in zip(records, result.verdicts, strict=True) if v.valid and isinstance(m, Molecule)]
    print(f"{len(valid)} valid molecules against {len(reference)} of the reference:")
    for name, value in geometry_distances(valid, reference).items():
        print(f"  {name:24} {value:.4f}")


if __name__ == "__main__":
    main()
