"""Trains a small model on a prepared set, with settings in Python, and samples ten molecules from it.

python scripts/train.py stores/mine runs/mine
"""

import argparse
from pathlib import Path

import moldiff


def main() -> None:
    """Trains, then samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder that prepare.py made")
    parser.add_argument("out", type=Path, help="folder of the run")
    parser.add_argument("--num-molecules", type=int, default=200_000, help="length of the run, in molecules seen")
    parser.add_argument("--num-blocks", type=int, default=4, help="of the network")
    parser.add_argument("--resume", action="store_true", help="continue after an interruption")
    args = parser.parse_args()

    network = moldiff.NetworkConfig(num_blocks=args.num_blocks, atom=128)
    config = moldiff.TrainingConfig(
        model=moldiff.ModelConfig(network=network),
        data=args.data,
        num_training_molecules=args.num_molecules,
        sample_minutes=5,
    )
    run = moldiff.train(config, args.out, resume=args.resume)
    for sample in moldiff.from_pretrained(run.bundle).sample(10, seed=0):
        print(sample)


if __name__ == "__main__":
    main()
