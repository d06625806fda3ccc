"""What fine-tuning forgets: the losses on molecules that the old weights draw, before and after."""

import numpy as np
import torch

from moldiff.chem.vocabulary import Vocabulary
from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.errors import VocabularyError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.bundle import Bundle
from moldiff.runtime.precision import use_bf16
from moldiff.state import State, Times
from moldiff.training.denoiser.losses import losses

COUNT = 256  # molecules drawn
TIMES = (0.1, 0.3, 0.5, 0.7, 0.9)
FLOOR = 0.05  # Å, as in training


def old_molecules(bundle: Bundle, vocabulary: Vocabulary, *, seed: int = 0) -> list[State]:
    """Valid molecules of the old weights, those whose atoms the new data has, a batch for each size.

    Args:
        bundle: the old weights.
        vocabulary: of the new data.
        seed: of the molecules.

    Returns:
        The batches, centred; none if the new data knows none of the atoms.
    """
    by_size: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for sample in MoleculeGenerator(bundle, device="cpu").stream(COUNT, seed=seed):
        if not sample.valid or sample.molecule is None:
            continue
        m = sample.molecule
        try:
            atom = vocabulary.encode(m.elements, m.charges)
        except VocabularyError:
            continue
        by_size.setdefault(len(m), []).append((m.pos - m.pos.mean(0), atom, m.bond))
    batches = []
    for rows in by_size.values():
        pos, atom, bond = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
        batches.append(State(pos.float(), atom, bond, torch.ones_like(atom, dtype=torch.bool)))
    return batches


@torch.no_grad()
def old_losses(denoiser: Denoiser, process: JointProcess, batches: list[State], *, seed: int = 0) -> dict[str, float]:
    """Mean losses at a few times, the noise the same at each call.

    Args:
        denoiser: on the CPU.
        process: its process.
        batches: of `old_molecules`.
        seed: of the noise.

    Returns:
        The losses of `moldiff.training.denoiser.losses` by name; nothing without batches.
    """
    cpu, total = torch.device("cpu"), {"old_pos": 0.0, "old_atom": 0.0, "old_bond": 0.0}
    count = len(TIMES) * sum(len(x0.mask) for x0 in batches)
    for number, x0 in enumerate(batches):
        b, n = x0.mask.shape
        for k, time in enumerate(TIMES):
            t = Times.shared(torch.full((b,), time), n)
            z_t = process.noise(x0, t, generator=BatchRandomness(sample_generator(seed, number, stream=k + 1), b))
            with torch.autocast("cpu", torch.bfloat16, enabled=use_bf16("auto", cpu)):
                x0_hat = denoiser(z_t, t)
            parts = losses(x0_hat, x0, t, process=process, pos_floor=FLOOR)
            for name, part in zip(total, (parts.pos, parts.atom, parts.bond), strict=True):
                total[name] += float(part) * b
    return {name: value / count for name, value in total.items()} if count else {}
