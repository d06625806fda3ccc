"""Weights for new data from those of other data: what both know is kept, atom classes are matched by name."""

from typing import cast

import torch
from torch import Tensor

from moldiff.build import build_denoiser
from moldiff.data.statistics import Statistics
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.network.model import EquivariantNetwork
from moldiff.pretrained.bundle import Bundle


def transferred(bundle: Bundle, statistics: Statistics, *, seed: int = 0) -> NetworkDenoiser:
    """A denoiser for data with these statistics that starts from other weights.

    Args:
        bundle: the other weights.
        statistics: of the new data. Its atom classes may be others; what the old weights know of a class of the same
            name is kept, a class they do not know starts as fresh weights do, but as likely as the rarest they know.
        seed: of fresh weights.

    Returns:
        The denoiser, in evaluation mode.
    """
    denoiser = build_denoiser(bundle.config, statistics, seed=seed)
    fresh, old = denoiser.state_dict(), bundle.denoiser.state_dict()
    known = {label: place for place, label in enumerate(bundle.statistics.vocabulary)}
    pairs = [(known[label], place) for place, label in enumerate(statistics.vocabulary) if label in known]
    rows = dict(pairs)
    head, bias = "network.atom_head.weight", "network.atom_head.bias"
    mixed = fresh | {name: value for name, value in old.items() if name in fresh and fresh[name].shape == value.shape}
    if statistics.conditions != bundle.statistics.conditions:
        mixed |= {name: value for name, value in fresh.items() if "embed_labels" in name}
    mixed[head] = _placed(fresh[head], old[head], rows, dim=0)
    mixed[bias] = _placed(torch.full_like(fresh[bias], float(old[bias].min())), old[bias], rows, dim=0)
    ours, theirs = (cast(EquivariantNetwork, one.network) for one in (denoiser, bundle.denoiser))
    columns = zip(theirs.atom_columns([a for a, _ in pairs]), ours.atom_columns([b for _, b in pairs]), strict=True)
    embed = "network.embed_atoms.weight"
    mixed[embed] = _placed(fresh[embed], old[embed], dict(columns), dim=1)
    denoiser.load_state_dict(mixed)
    return denoiser.eval()


def _placed(fresh: Tensor, old: Tensor, places: dict[int, int], *, dim: int) -> Tensor:
    """The fresh tensor with slices of the old one, from a place in that to a place in this."""
    result = fresh.clone()
    sources, targets = torch.tensor(list(places)), torch.tensor(list(places.values()))
    return result.index_copy_(dim, targets, old.index_select(dim, sources)) if places else result
