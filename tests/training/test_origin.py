"""What a run began with: the same for runs of before statistics had more entries."""

import hashlib
import json

from moldiff.data.representation import FoldedStore
from moldiff.data.store.dataset import MoleculeStore
from moldiff.training.origin import LATER, origin_of


def test_entries_that_came_later_do_not_refuse_older_runs(store: MoleculeStore):
    older = {name: value for name, value in store.statistics.to_dict().items() if name not in LATER}
    text = hashlib.blake2b(json.dumps(older, sort_keys=True).encode(), digest_size=16).hexdigest()
    assert origin_of(store, store.statistics)["data"] == f"{store.fingerprint()} {text}"
    folded = FoldedStore(store).statistics
    assert not origin_of(store, folded)["data"].endswith(text)
