"""One generated molecule."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Checked, canonical_smiles
from moldiff.runtime.optional import need_packages
from moldiff.viz.notebook import formula_html, viewer_html

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class Sample:
    """One sampled molecule, valid or not, in the place of its index. A notebook displays it.

    Attributes:
        index: its number; with the seed and the precision it determines the molecule.
        result: the sanitised RDKit molecule with its conformer, or why it is not strictly valid.
        molecule: as it was sampled, valid or not; None if its coordinates are not numbers, or the input of a task was
            refused.
        states: of its trajectory, after each network evaluation, if they were to be kept.
        confidence: probability that the last evaluation gave each bond, and no bond, that was sampled.
    """

    index: int
    result: Checked
    molecule: Molecule | None
    states: tuple[Molecule, ...] = ()
    confidence: Float[np.ndarray, "n n"] | None = None

    @property
    def valid(self) -> bool:
        """Strictly valid."""
        return not isinstance(self.result, Failure)

    @property
    def mol(self) -> Any:
        """The sanitised RDKit molecule with coordinates in Å and all hydrogens; None if it is not valid."""
        return None if isinstance(self.result, Failure) else self.result

    @property
    def failure(self) -> Failure | None:
        """Why it is not valid; None if it is."""
        return self.result if isinstance(self.result, Failure) else None

    @property
    def smiles(self) -> str:
        """Canonical SMILES with the stereo of the coordinates; empty if it is not valid."""
        return "" if isinstance(self.result, Failure) else canonical_smiles(self.result, stereo=True)

    def to_dict(self) -> dict[str, Any]:
        """A row of a table: index, SMILES, validity, reason of the failure, number of atoms, and all properties."""
        own = {} if self.molecule is None else dict(self.molecule.properties)
        failure = self.failure
        return {
            "index": self.index,
            "smiles": self.smiles,
            "valid": self.valid,
            "reason": "" if failure is None else failure.reason,
            "num_atoms": 0 if self.molecule is None else len(self.molecule),
            **{name: value for name, value in own.items() if name != "index"},
        }

    def __repr__(self) -> str:
        failure = self.failure
        what = self.smiles if failure is None else f"{failure.reason}: {failure.detail}"
        return f"Sample({self.index}, {what!r})"

    def _repr_svg_(self) -> str | None:
        """The structural formula; None if RDKit cannot draw it."""
        return None if self.molecule is None else formula_html(self.molecule) or None

    def _repr_html_(self) -> str:
        """The structural formula with a caption, and the 3D view where py3Dmol is installed."""
        from html import escape

        shown = "" if self.molecule is None else formula_html(self.molecule) + viewer_html(self.molecule)
        return f"<div>{shown}<div>{escape(repr(self))}</div></div>"


def to_pandas(samples: "Iterable[Sample]") -> "pandas.DataFrame":
    """A row for each sample, as of `Sample.to_dict`.

    Args:
        samples: of a generator or a task.

    Returns:
        The table; a `MissingPackageError` without pandas.
    """
    need_packages(["pandas"], what="to_pandas", extra="notebook")
    import pandas

    return pandas.DataFrame([sample.to_dict() for sample in samples])
