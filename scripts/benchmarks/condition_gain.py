"""What a trained generator gains from labels: loss on test molecules at the same noise, without less with.

python scripts/benchmarks/condition_gain.py --run runs/qm9-conditional
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from moldiff.config.training import TrainingConfig
from moldiff.data.batching import BucketSampler
from moldiff.data.columns import conditioned
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.pretrained.bundle import load_pretrained
from moldiff.runtime.precision import use_bf16
from moldiff.state import TimeExponents, Times
from moldiff.training.denoiser.losses import losses
from moldiff.training.loader import subset_indices

TIMES = (0.3, 0.5, 0.7, 0.85, 0.95, 1.0)


@torch.no_grad()
def main(
    run: Annotated[Path, typer.Option(help="Folder of the training.")],
    num_molecules: Annotated[int, typer.Option(help="Of the test split.")] = 1500,
    num_threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """A line for each label alone, and for all together."""
    torch.set_num_threads(num_threads)
    config, bundle = TrainingConfig.from_json(run / "config.json"), load_pretrained(run / "bundle")
    store, process, denoiser = MoleculeStore(find_store(config.data)), bundle.denoiser.process, bundle.denoiser.eval()
    _, labels = conditioned(store, config.conditions, subset_indices(store.split("train"), config.subset))
    test = np.random.default_rng(0).permutation(store.split("test"))[:num_molecules]
    assert labels is not None  # the settings name conditions
    subsets = {"nothing": [], **{name: [k] for k, name in enumerate(config.conditions)}}
    subsets["all"] = list(range(len(config.conditions)))
    sums, weights = {name: np.zeros(len(TIMES)) for name in subsets}, config.loss
    for number, chosen in enumerate(BucketSampler(store.sizes, test, budget=32_000, seed=0).batches(0)):
        x0, own = store.state(chosen), labels[torch.from_numpy(chosen)]
        b, n = x0.mask.shape
        time_exponents = TimeExponents(
            *(sum(ends) / 2 for ends in (config.atom_time_exponent, config.bond_time_exponent))
        )
        for k, time in enumerate(TIMES):
            t = Times.shared(torch.full((b,), time), n, time_exponents)
            z_t = process.noise(x0, t, generator=BatchRandomness(sample_generator(number, k), b))
            for name, places in subsets.items():
                some = torch.full_like(own, torch.nan)
                some[:, places] = own[:, places]
                with torch.autocast("cpu", torch.bfloat16, enabled=use_bf16("auto", torch.device("cpu"))):
                    x0_hat = denoiser(z_t.replace(labels=some), t)
                parts = losses(x0_hat, x0, t, process=process, pos_floor=weights.pos_floor)
                total = weights.pos * parts.pos + weights.atom * parts.atom + weights.bond * parts.bond
                sums[name][k] += float(total) * b / len(test)
    for name, of_times in sums.items():
        gains = sums["nothing"] - of_times
        by_time = " ".join(f"{1000 * gain:6.1f}" for gain in gains)
        typer.echo(
            f"{name:8} loss {of_times.mean():.5f}  gain, 1e-3: {1000 * gains.mean():5.2f}  at {TIMES}: {by_time}"
        )


if __name__ == "__main__":
    typer.run(main)
