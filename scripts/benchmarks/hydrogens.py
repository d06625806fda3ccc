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

from moldiff.chem.molecule import Molecule
from moldiff.data.batching import BucketSampler
from moldiff.data.decoding import molecule_of
from moldiff.data.representation import FoldedStore, represent
from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.random import sample_generator
from moldiff.metrics.geometry import Measured, measure, typed_w1
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
    bundle = load_pretrained(weights)
    denoiser = bundle.denoiser
    decoder = cast(HydrogenDecoder, denoiser.hydrogens)
    store = cast(FoldedStore, represent(MoleculeStore(data), bundle.config))
    chosen = np.random.default_rng(seed).permutation(store.split("test"))[:num_molecules]
    rows: dict[str, list[np.ndarray]] = {"1": [], "2": [], "3": [], "all": []}
    worst: list[tuple[float, str]] = []
    decoded: list[Molecule] = []
    for number, batch in enumerate(BucketSampler(store.sizes, chosen, budget=24_000, seed=seed).batches(0)):
        state = shuffle_hydrogens(store.state(batch), generator=sample_generator(seed, number))
        with torch.no_grad():
            distance, there = hydrogen_errors(decoder, state)
        count, found = decoder.count(state), there > 0
        for name, kept in rows.items():
            here = found if name == "all" else found & (count == int(name))[..., None]
            kept.append(distance[here].numpy())
        of_molecule = (distance * there).flatten(1).max(1).values
        worst += [(float(error), f"{place}") for error, place in zip(of_molecule, batch, strict=True)]
        unfolded = denoiser.unfold(state)
        decoded += [molecule_of(unfolded, row, store.vocabulary) for row in range(len(batch))]
    print(f"{len(chosen):,} molecules of the test split\nhydrogens on the atom   hydrogens    mean  99 %    worst, Å")
    for name, row in ((name, np.concatenate(kept)) for name, kept in rows.items()):
        print(f"{name:>21}  {len(row):10,}  {row.mean():6.4f}  {np.quantile(row, 0.99):6.4f}  {row.max():6.3f}")
    print("worst records of the store, Å:", ", ".join(f"{name} {error:.2f}" for error, name in sorted(worst)[:-6:-1]))
    explicit = store.explicit
    true = measure([explicit.molecule(int(index)) for index in chosen])
    others = np.random.default_rng(seed).permutation(explicit.split("train"))[: len(chosen)]
    for name, molecules in (("decoded", decoded), ("as many of train", [explicit.molecule(int(i)) for i in others])):
        lengths, angles = distances_with_hydrogens(measure(molecules), true)
        print(f"{name}: bonds to hydrogen {lengths:.5f} Å, angles {angles:.3f} degrees from the test split")


def distances_with_hydrogens(ours: Measured, theirs: Measured) -> tuple[float, float]:
    """Mean W1 over the types of bonds to hydrogen, and of all angles."""
    bonds = [(kinds[of], values[of]) for kinds, values in (ours.lengths, theirs.lengths) for of in [kinds // 512 == 1]]
    return typed_w1(*bonds)[0], typed_w1(ours.angles, theirs.angles)[0]


if __name__ == "__main__":
    typer.run(main)
