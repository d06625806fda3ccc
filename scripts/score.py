"""Scores any SDF in Python, ours or anybody's: strict rates, and how far its geometry lies from a reference.

python scripts/score.py samples.sdf --reference datasets/qm9/sample.sdf
"""

import argparse

import moldiff


def main() -> None:
    """Prints the table of rates, then distances between distributions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help=".sdf with bonds and all hydrogens")
    parser.add_argument("--reference", help=".sdf of known molecules")
    args = parser.parse_args()

    known = args.reference
    print(moldiff.score(args.file, reference=known, distances_to=known, protocols=["distance-bonds"]))


if __name__ == "__main__":
    main()
