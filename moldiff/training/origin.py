"""What a run began with, kept in its checkpoints, so that it does not go on with something else."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError
from moldiff.pretrained.format import read_statistics
from moldiff.training.base_module import ORIGIN

BUNDLE = "bundle"  # in the folder of a run
LATER = ("latent_scale", "num_hydrogens")  # of statistics: empty, they are as in runs that were begun without them
LATER_SETTINGS = {"bonds": "kekule", "longest_path": 0, "latent_distances": False}  # of models, likewise
WORDS = ("atom classes", "training molecules", "conditions")  # that say something to a user


def origin_of(store: MoleculeStore, statistics: Statistics) -> dict[str, Any]:
    """What a run on these molecules must have again to go on: plain values by name, in words where a user knows them.

    Args:
        store: its data.
        statistics: of the molecules that it is trained on, with its conditions.

    Returns:
        The values.
    """
    entries = statistics.to_dict()
    counted = {name: value for name, value in entries.items() if value or name not in LATER}
    text = json.dumps(counted, sort_keys=True)
    return _words_of(statistics) | {
        "data": f"{store.fingerprint()} {hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}",
    }


def without_later(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model as runs had them that were begun before there were others."""
    return {
        name: without_later(value) if isinstance(value, Mapping) else value
        for name, value in settings.items()
        if name not in LATER_SETTINGS or value != LATER_SETTINGS[name]
    }


def check_origin(content: Mapping[str, Any], origin: Mapping[str, Any], checkpoint: Path) -> None:
    """A `ConfigError` if a run began with something else; a warning if its checkpoint is older and does not say.

    Args:
        content: of the checkpoint.
        origin: what it is to go on with.
        checkpoint: of the run.
    """
    began = content.get(ORIGIN)
    if not began:
        warnings.warn(
            f"{checkpoint}: does not say which data the run began with; make sure that it is the same", stacklevel=3
        )
        began = _words_of(read_statistics(checkpoint.parent / BUNDLE)) if (checkpoint.parent / BUNDLE).is_dir() else {}
        origin = {name: value for name, value in origin.items() if name in began}
    other = next((name for name, value in origin.items() if began.get(name) != value), None)
    if other is not None:
        text = f"{other} {began.get(other)}, now {origin[other]}" if other in WORDS else f"another {other}"
        raise ConfigError(
            f"{checkpoint}: the run began with {text}; prepare the same again, or start a new run in another folder"
        )


def _words_of(statistics: Statistics) -> dict[str, str]:
    conditions = ", ".join(condition.name for condition in statistics.conditions) or "none"
    return dict(
        zip(WORDS, (", ".join(statistics.vocabulary), f"{statistics.num_molecules:,}", conditions), strict=True)
    )
