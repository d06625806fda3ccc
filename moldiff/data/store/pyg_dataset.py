"""A store as a data set of PyTorch Geometric, in a file of its own: that takes seconds to import."""

from torch_geometric.data import Data, Dataset

from moldiff.data.store.dataset import MoleculeStore


class PygDataset(Dataset):
    """The molecules of a store.

    Args:
        store: to read.
    """

    def __init__(self, store: MoleculeStore) -> None:
        super().__init__()
        self.store = store

    def len(self) -> int:
        """Number of molecules."""
        return len(self.store)

    def get(self, idx: int) -> Data:
        """See `MoleculeStore.__getitem__`."""
        return self.store[idx]
