"""What trained weights do not know: the error of their coordinates at each time."""

import numpy as np
import torch
from jaxtyping import Int

from moldiff.data.batching import BucketSampler
from moldiff.data.representation import FoldedStore
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
    store: MoleculeStore | FoldedStore,
    indices: Int[np.ndarray, "k"],
    *,
    time_exponents: TimeExponents = TimeExponents(),  # noqa: B008 - frozen
    seed: int = 0,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Root mean square errors of a predicted coordinate and latent, with self-conditioning, at even times from 0 to 1.

    Args:
        denoiser: with trained weights, on the CPU.
        process: that it was trained on.
        store: of molecules.
        indices: of molecules it was not trained on; a random 500 of them are used.
        time_exponents: of the classes over the coordinates, in the sampling that the errors are for.
        seed: of the choice and of the noise.

    Returns:
        21 errors of the coordinates, Å, the first 0; and those of the latents, by their own time, none where there are
            no latents.
    """
    chosen = torch.randperm(len(indices), generator=sample_generator(seed, 0))[:NUM_MOLECULES].numpy()
    sampler = BucketSampler(store.sizes, indices[chosen], budget=24_000, seed=seed)
    squares, count = torch.zeros(2, NUM_TIMES, dtype=torch.float64), 0
    exponent, width = time_exponents.latent, process.latent_width
    for number, batch in enumerate(sampler.batches(0)):
        x0 = store.state(batch)
        count += int(x0.mask.sum())
        for k in range(1, NUM_TIMES):
            time, generator = k / (NUM_TIMES - 1), sample_generator(seed, number, stream=k)
            x0_hat, _ = denoise(
                denoiser,
                process,
                x0,
                time,
                generator=generator,
                time_exponents=time_exponents,
                self_conditioning=True,
            )
            squares[0, k] += float(((x0_hat.pos - x0.pos).square() * x0.mask[..., None]).sum()) / 3
            squares[1, k] += float(((x0_hat.latent - x0.latent).square() * x0.mask[..., None]).sum()) / max(1, width)
    of_pos, of_latent = (squares / count).sqrt().numpy()
    even = np.linspace(0, 1, NUM_TIMES)
    of_latent = np.interp(even, even**exponent, of_latent)  # the latents were at the time to their exponent
    rounded = [tuple(round(float(error), 5) for error in errors) for errors in (of_pos, of_latent)]
    return rounded[0], rounded[1] if width else ()
