"""Activations of ChemNet, for the Fréchet ChemNet distance; its weights come with the package fcd_torch."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.errors import WeightsError
from moldiff.metrics.chemistry_summary import CHEMNET_WIDTH
from moldiff.metrics.druglike import Moments
from moldiff.runtime.optional import need_packages

BATCH_SIZE = 256  # molecules
LENGTH, NUM_SYMBOLS = 350, 35  # of a SMILES as ChemNet reads it; a longer one is cut
POSITIONS = 88  # that its convolutions make of these
FILE = "ChemNet_v0.13_pretrained.pt"
# What weights_only=True raises for a file with code in it.
_UNPICKLING = torch.serialization.pickle.UnpicklingError  # pyright: ignore[reportPrivateImportUsage]


def chemnet_activations(
    smiles: Sequence[str],
    *,
    device: str = "cpu",
    batch_size: int = BATCH_SIZE,
    on_batch: Callable[[int], None] = lambda size: None,
) -> Float[np.ndarray, "m 512"]:
    """Activations of ChemNet's last hidden layer, float32. A SMILES that comes twice is computed once.

    Args:
        smiles: canonical, as `moldiff.chem.validity.canonical_smiles` gives them, none empty.
        device: where it runs.
        batch_size: different molecules at a time.
        on_batch: called after each batch with the number of molecules in it.

    Returns:
        A row for each molecule; none of no molecule.

    Raises:
        MissingPackageError: if fcd_torch is not installed.
        WeightsError: if its file of weights is missing or is no ChemNet.

    Source: Preuer et al. 2018, J. Chem. Inf. Model. 58, 1736; weights of fcd_torch (MIT), ChemNet 0.13.
    """
    need_packages(("fcd_torch",), what="the Fréchet ChemNet distance", extra="score")
    unique = sorted(set(smiles), key=lambda text: (len(text), text))
    rows = np.zeros((len(unique), CHEMNET_WIDTH), dtype=np.float32)
    network = _load_network().to(device)
    with torch.inference_mode():
        for start in range(0, len(unique), batch_size):
            batch = unique[start : start + batch_size]
            rows[start : start + len(batch)] = _run(network, batch, device).cpu().numpy()
            on_batch(len(batch))
    place = {text: row for row, text in enumerate(unique)}
    return rows[[place[text] for text in smiles]]


def chemnet_moments(
    counts: Mapping[str, int], *, device: str = "cpu", on_batch: Callable[[int], None] = lambda size: None
) -> Moments:
    """Mean and covariance of the activations of a set of molecules, in double precision; memory does not grow with it.

    Args:
        counts: how many molecules have each SMILES; two or more in all.
        device: where ChemNet runs.
        on_batch: called after each batch with the number of different molecules in it.

    Returns:
        The moments, the same for any order; errors as of `chemnet_activations`.
    """
    unique = sorted(counts, key=lambda text: (len(text), text))
    total, products = np.zeros(CHEMNET_WIDTH), np.zeros((CHEMNET_WIDTH, CHEMNET_WIDTH))
    for start in range(0, len(unique), BATCH_SIZE):
        batch = unique[start : start + BATCH_SIZE]
        rows = chemnet_activations(batch, device=device, on_batch=on_batch).astype(np.float64)
        weights = np.array([counts[text] for text in batch], dtype=np.float64)
        total += weights @ rows
        products += (rows * weights[:, None]).T @ rows
    size = sum(counts.values())
    mean = total / size
    return mean, (products - size * np.outer(mean, mean)) / (size - 1)


def _run(network: nn.Sequential, smiles: Sequence[str], device: str) -> Float[Tensor, "b 512"]:
    """The last layer's output; the layers before it are computed as far as the longest SMILES goes.

    Beyond the end of a SMILES its symbols are zeros, and so are the convolutions, which have no bias: position p of
    their output sees symbols 4 p - 3 to 4 p + 6. The first LSTM reads from the end, so there it has the same states for
    every molecule. The last LSTM reads the other way, and has to read all of it.
    """
    symbols = max(map(len, smiles)) + 1  # with the mark of the end
    seen = (symbols + 2) // 4 + 1
    if seen + 2 >= POSITIONS:
        return network(_encode(smiles, LENGTH).to(device))
    first, last = network[8], network[11]
    inner = network[:6](_encode(smiles, 4 * (seen + 2)).to(device))[:, :, :seen].transpose(1, 2)
    beyond, state = first(inner.new_zeros(1, POSITIONS - seen, inner.shape[2]))
    before, _ = first(inner.flip(1), tuple(part.expand(-1, len(smiles), -1).contiguous() for part in state))
    hidden = torch.cat([before.flip(1), beyond.flip(1).expand(len(smiles), -1, -1)], dim=1)
    return last(hidden)[0][:, -1]


def _encode(smiles: Sequence[str], length: int) -> Float[Tensor, "b 35 length"]:
    """One-hot symbols, each in units of 1 / `NUM_SYMBOLS`, as ChemNet was trained on them."""
    from fcd_torch.utils import get_one_hot

    symbols = np.stack([get_one_hot(text, length) for text in smiles]).astype(np.float32)
    return torch.from_numpy(symbols / NUM_SYMBOLS).transpose(1, 2)


@cache
def _load_network() -> nn.Sequential:
    """Layers and weights of the package's file, read without running code that it might hold."""
    from fcd_torch.utils import load_imported_model

    spec = find_spec("fcd_torch")
    path = Path(spec.origin if spec and spec.origin else "fcd_torch").parent / FILE
    try:
        return load_imported_model(torch.load(path, map_location="cpu", weights_only=True)).eval()
    except (OSError, EOFError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, _UNPICKLING) as error:
        reason = str(error).split("\n")[0]
        raise WeightsError(f"{path}: not ChemNet as fcd_torch 1.0.7 has it: {reason}; install it again") from error
