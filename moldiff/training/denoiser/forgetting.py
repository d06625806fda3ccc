"""What fine-tuning forgets is measured on molecules that the old weights sample."""

import numpy as np
import torch

from moldiff.chem.vocabulary import Vocabulary
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.errors import VocabularyError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.bundle import Bundle
from moldiff.state import State
from moldiff.training.denoiser.validation import mean_losses

COUNT = 256  # molecules


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


def old_losses(denoiser: NetworkDenoiser, batches: list[State]) -> dict[str, float]:
    """`mean_losses` of these molecules, as `old_` and the name."""
    device = next(denoiser.parameters()).device
    losses = mean_losses(denoiser, denoiser.process, [x0.to(device) for x0 in batches])
    return {f"old_{name}": value for name, value in losses.items()}
