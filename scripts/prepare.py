"""Makes a training set of any molecules with 3D coordinates: an SDF, or QM9.

python scripts/prepare.py mine.sdf stores/mine
"""

import argparse

from rich.console import Console

import moldiff


def main() -> None:
    """Prepares, then looks at what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="'qm9', an .sdf or an .xyz file")
    parser.add_argument("out", help="folder to make")
    args = parser.parse_args()

    report = moldiff.prepare(args.source, args.out, num_workers=2, console=Console(stderr=True))
    Console().print(report.table())

    store = moldiff.MoleculeStore(args.out)  # a sequence of torch_geometric.data.Data
    print(f"{len(store)} molecules, atom classes {', '.join(store.vocabulary.labels)}")
    print(f"the first: {store[0]}, SMILES {store.smiles(0)}")


if __name__ == "__main__":
    main()
