"""Fine-tuning on data with other atom classes or conditions: known weights are kept, classes are matched by name."""

from typing import cast

import torch
from torch import Tensor, nn

from moldiff.build import build_denoiser
from moldiff.data.statistics import Statistics
from moldiff.diffusion.denoiser import Network, NetworkDenoiser
from moldiff.pretrained.bundle import Bundle


def transfer(bundle: Bundle, statistics: Statistics, *, seed: int = 0) -> NetworkDenoiser:
    """A denoiser for data with these statistics that starts from other weights.

    Args:
        bundle: the other weights.
        statistics: of the new data. Its atom classes may be others: the weights of a class of the same name are kept;
            a class that is new starts with fresh weights, and with the logit of the least likely known class.
        seed: of fresh weights.

    Returns:
        The denoiser, in evaluation mode.
    """
    denoiser = build_denoiser(bundle.config, statistics, seed=seed, network=bundle.network)
    places = {label: place for place, label in enumerate(bundle.statistics.vocabulary)}
    shared = [(places[label], place) for place, label in enumerate(statistics.vocabulary) if label in places]
    other_labels = statistics.conditions != bundle.statistics.conditions
    for name, part in denoiser.parts().items():
        part.load_state_dict(_mixed(part, bundle.denoiser.parts()[name], shared, other_labels=other_labels))
    return denoiser.eval()


def _mixed(
    fresh_part: nn.Module, old_part: nn.Module, shared: list[tuple[int, int]], *, other_labels: bool
) -> dict[str, Tensor]:
    """Parameters of the old part where they fit, and of shared classes; fresh ones elsewhere."""
    ours, theirs = cast(Network, fresh_part), cast(Network, old_part)
    fresh, old = fresh_part.state_dict(), old_part.state_dict()
    mixed = fresh | {name: value for name, value in old.items() if name in fresh and fresh[name].shape == value.shape}
    if other_labels:
        mixed |= {name: fresh[name] for name in ours.label_parameters()}
    sources = theirs.class_slices([source for source, _ in shared])
    for name, (axis, targets) in ours.class_slices([target for _, target in shared]).items():
        is_bias = fresh[name].ndim == 1
        start = torch.full_like(fresh[name], float(old[name].min())) if is_bias else fresh[name]
        mixed[name] = _copy_slices(start, targets, old[name], sources[name][1], axis=axis)
    return mixed


def _copy_slices(fresh: Tensor, targets: list[int], old: Tensor, sources: list[int], *, axis: int) -> Tensor:
    """The fresh tensor with slices of the old one, from the places in that to the places in this."""
    if not targets:
        return fresh.clone()
    return fresh.clone().index_copy_(axis, torch.tensor(targets), old.index_select(axis, torch.tensor(sources)))
