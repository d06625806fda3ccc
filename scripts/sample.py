"""Samples molecules in Python: RDKit molecules in order, a named failure in the place of one that is not valid.

python scripts/sample.py 20 mine.sdf --num-atoms 18
"""

import argparse

from rdkit.Chem.QED import qed

import moldiff


def main() -> None:
    """Samples, looks at each molecule, and writes all of them, those that are not valid with the reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_samples", type=int)
    parser.add_argument("out", help=".sdf file")
    parser.add_argument("--weights", default="qm9", help="shipped weights by name, or a folder")
    parser.add_argument("--num-atoms", type=int, help="with hydrogens; by default as in the training data")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    generator = moldiff.from_pretrained(args.weights)
    samples = generator.sample(args.num_samples, num_atoms=args.num_atoms, seed=args.seed)
    for sample in samples:
        if sample.valid:
            print(f"{sample.index}: {sample.smiles}, QED {qed(sample.mol):.2f}")
        else:
            print(f"{sample.index}: {sample.failure.reason}: {sample.failure.detail}")
    moldiff.write_molecules(args.out, samples)


if __name__ == "__main__":
    main()
