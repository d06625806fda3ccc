"""Trains a small model on a prepared set, with settings in Python, and draws ten molecules from it.

python scripts/train.py stores/mine runs/mine
"""

import argparse
from pathlib import Path

from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.training import TrainingConfig
from moldiff.generation.generator import MoleculeGenerator
from moldiff.training.denoiser.run import train
from moldiff.training.origin import BUNDLE


def main() -> None:
    """Trains, then samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder that prepare.py made")
    parser.add_argument("out", type=Path, help="folder of the run")
    parser.add_argument("--num-molecules", type=int, default=200_000, help="length of the run")
    parser.add_argument("--resume", action="store_true", help="go on after an interruption")
    args = parser.parse_args()

    network = NetworkConfig(num_blocks=4, atom=128)
    config = TrainingConfig(
        model=ModelConfig(network=network), data=args.data, num_training_molecules=args.num_molecules, sample_minutes=5
    )
    train(config, args.out, resume=args.resume)

    generator = MoleculeGenerator.from_pretrained(args.out / BUNDLE)
    for result in generator.sample(10, seed=0):
        print(result)


if __name__ == "__main__":
    main()
