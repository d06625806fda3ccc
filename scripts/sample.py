"""Draws molecules in Python: RDKit molecules in order, a named failure in the place of one that is not valid.

python scripts/sample.py 20 mine.sdf --num-atoms 18
"""

import argparse

from rdkit import Chem
from rdkit.Chem import Descriptors

from moldiff.chem.molecule import Failure
from moldiff.generation.generator import MoleculeGenerator


def main() -> None:
    """Draws, looks at each molecule, and writes the valid ones with a property of our own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_samples", type=int)
    parser.add_argument("out", help=".sdf file")
    parser.add_argument("--weights", default="qm9", help="shipped weights by name, or a folder")
    parser.add_argument("--num-atoms", type=int, help="with hydrogens; by default as in the training data")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    generator = MoleculeGenerator.from_pretrained(args.weights)
    results = generator.sample(args.num_samples, seed=args.seed, num_atoms=args.num_atoms)

    with Chem.SDWriter(args.out) as writer:
        for index, result in enumerate(results):
            if isinstance(result, Failure):
                print(f"{index}: {result.reason}: {result.detail}")
                continue
            result.SetDoubleProp("logP", Descriptors.MolLogP(result))
            writer.write(result)
            print(f"{index}: {Chem.MolToSmiles(Chem.RemoveHs(result))}")


if __name__ == "__main__":
    main()
