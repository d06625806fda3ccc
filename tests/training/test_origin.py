"""What a run began with: the same for runs of before statistics had more entries."""

import hashlib
import json

from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.data.representation import FoldedStore
from moldiff.data.store.dataset import MoleculeStore
from moldiff.training.origin import LATER, origin_of, without_later


def test_entries_that_came_later_do_not_refuse_older_runs(store: MoleculeStore):
    older = {name: value for name, value in store.statistics.to_dict().items() if name not in LATER}
    text = hashlib.blake2b(json.dumps(older, sort_keys=True).encode(), digest_size=16).hexdigest()
    assert origin_of(store, store.statistics)["data"] == f"{store.fingerprint()} {text}"
    folded = FoldedStore(store).statistics
    assert not origin_of(store, folded)["data"].endswith(text)


def test_settings_that_came_later_do_not_refuse_older_runs():
    """At what they were before; else they are another model."""
    model = ModelConfig(representation="latent").model_dump()
    text = json.dumps(without_later(model))
    assert not any(name in text for name in ("bonds", "longest_path", "latent_distances"))
    other = ModelConfig(representation="latent", bonds="aromatic", network=NetworkConfig(longest_path=6)).model_dump()
    assert without_later(other)["bonds"] == "aromatic"
    assert without_later(other)["network"]["longest_path"] == 6
