"""How well the decoder of latent hydrogens puts them back: molecules that weights were not trained on, there and back.

python scripts/benchmarks/hydrogens.py --weights runs/latent/bundle --data stores/qm9

Prints the distances of decoded hydrogens from those of the molecules, Å, by their number on an atom. The latent of an
atom is each of its hydrogens in turn as often as chance has it; the heavy atoms are those of the data.
"""

from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
import typer

from moldiff.data.batching import BucketSampler
from moldiff.data.representation import FoldedStore
from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.random import sample_generator
from moldiff.network.hydrogen_decoder import HydrogenDecoder
from moldiff.pretrained.bundle import load_pretrained
from moldiff.training.denoiser.hydrogens import hydrogen_errors, shuffle_hydrogens


def main(
    weights: Annotated[str, typer.Option(help="Bundle with latent hydrogens.")],
    data: Annotated[Path, typer.Option(help="Prepared store.")],
    num_molecules: Annotated[int, typer.Option(help="Of the test split.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the choice and of the latents.")] = 0,
) -> None:
    """Decodes and compares."""
    decoder = cast(HydrogenDecoder, load_pretrained(weights).denoiser.hydrogens)
    store = FoldedStore(MoleculeStore(data))
    chosen = np.random.default_rng(seed).permutation(store.split("test"))[:num_molecules]
    errors: dict[int, list[np.ndarray]] = {number: [] for number in (1, 2, 3)}
    for number, batch in enumerate(BucketSampler(store.sizes, chosen, budget=24_000, seed=seed).batches(0)):
        state = shuffle_hydrogens(store.state(batch), generator=sample_generator(seed, number))
        with torch.no_grad():
            distance, there = hydrogen_errors(decoder, state)
        count = decoder.count(state)
        for hydrogens, kept in errors.items():
            kept.append(distance[(count == hydrogens)[..., None] & (there > 0)].numpy())
    print(f"{len(chosen):,} molecules of the test split\nhydrogens on the atom   hydrogens    mean  99 %    worst, Å")
    rows = {str(number): np.concatenate(kept) for number, kept in errors.items()}
    for name, row in {**rows, "all": np.concatenate(list(rows.values()))}.items():
        print(f"{name:>21}  {len(row):10,}  {row.mean():6.4f}  {np.quantile(row, 0.99):6.4f}  {row.max():6.3f}")


if __name__ == "__main__":
    typer.run(main)
