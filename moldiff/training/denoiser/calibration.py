"""What trained weights do not know: the error of their coordinates at each time."""

import numpy as np
import torch
from jaxtyping import Int

from moldiff.data.batching import BucketSampler
from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import sample_generator
from moldiff.state import TimeExponents
from moldiff.training.denoiser.validation import denoise

NUM_TIMES, NUM_MOLECULES = 21, 500


def x0_std(
    denoiser: Denoiser,
    process: JointProcess,
    store: MoleculeStore,
    indices: Int[np.ndarray, "k"],
    *,
    time_exponents: TimeExponents = TimeExponents(),  # noqa: B008 - frozen
    seed: int = 0,
) -> tuple[float, ...]:
    """Root mean square error of a predicted coordinate, with self-conditioning, at even times from 0 to 1.

    Args:
        denoiser: with trained weights, on the CPU.
        process: that it was trained on.
        store: of molecules.
        indices: of molecules it was not trained on; a random 500 of them are used.
        time_exponents: of the classes over the coordinates, in the sampling that the errors are for.
        seed: of the choice and of the noise.

    Returns:
        21 errors, Å; the first is 0.
    """
    chosen = torch.randperm(len(indices), generator=sample_generator(seed, 0))[:NUM_MOLECULES].numpy()
    sampler = BucketSampler(store.sizes, indices[chosen], budget=24_000, seed=seed)
    squares, count = torch.zeros(NUM_TIMES, dtype=torch.float64), 0
    for number, batch in enumerate(sampler.batches(0)):
        x0 = store.state(batch)
        count += 3 * int(x0.mask.sum())
        for k in range(1, NUM_TIMES):
            x0_hat, _ = denoise(
                denoiser,
                process,
                x0,
                k / (NUM_TIMES - 1),
                generator=sample_generator(seed, number, stream=k),
                time_exponents=time_exponents,
                self_conditioning=True,
            )
            squares[k] += float(((x0_hat.pos - x0.pos).square() * x0.mask[..., None]).sum())
    return tuple(round(float(error), 5) for error in (squares / count).sqrt())
