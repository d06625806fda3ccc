"""What fine-tuning forgets is measured on molecules that the old weights sample."""

from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.representation import state_of
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.errors import VocabularyError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.bundle import Bundle
from moldiff.runtime.progress import Progress, terminal_of_errors
from moldiff.state import State, batch_of
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
    by_size: dict[int, list[State]] = {}
    what, console = "sampling what may be forgotten", terminal_of_errors()
    with Progress(what, total=COUNT, unit="molecules", console=console, transient=True) as progress:
        for sample in MoleculeGenerator(bundle, device="cpu").stream(COUNT, seed=seed):
            progress.advance()
            if not sample.valid or sample.molecule is None:
                continue
            try:
                state = state_of(sample.molecule, vocabulary, aromatic=bundle.config.aromatic)
            except VocabularyError:
                continue
            by_size.setdefault(state.mask.shape[1], []).append(state)
    return [batch_of(states) for states in by_size.values()]


def old_losses(denoiser: NetworkDenoiser, batches: list[State]) -> dict[str, float]:
    """`mean_losses` of these molecules, as `old_` and the name."""
    device = next(denoiser.parameters()).device
    losses = mean_losses(denoiser, denoiser.process, [x0.to(device) for x0 in batches])
    return {f"old_{name}": value for name, value in losses.items()}
