"""What a predictor says of molecules: tags beside them, and a table of how near they are to what was asked for."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from moldiff.chem.molecule import Molecule
    from moldiff.predictor import PropertyPredictor
    from moldiff.selection import Selection

ASKED, PREDICTED, OFF = "asked_", "predicted_", "off_"  # before the name of a property


class Judge:
    """Predicts properties of molecules as they come, and keeps what the table at the end needs.

    Args:
        predictor: of the properties.
        chose: it also chose among the walks, so it is no judge of how well that went.
    """

    def __init__(self, predictor: "PropertyPredictor", *, chose: bool = False) -> None:
        self.predictor, self.chose = predictor, chose
        self.predicted: dict[str, list[float]] = {target.name: [] for target in predictor.targets}
        self.distances: dict[str, list[float]] = {target.name: [] for target in predictor.targets}
        self.num_unknown = 0

    def judged(self, molecules: "Sequence[Molecule]") -> "list[Molecule]":
        """The molecules with what was predicted, and how far that is from what was asked for, or what they have."""
        rows = self.predictor.predict(molecules)
        return [self._with_tags(molecule, row) for molecule, row in zip(molecules, rows.tolist(), strict=True)]

    def table(self) -> "Table":
        """For the terminal; the last column says how much of a difference may be the predictor's own."""
        from rich.table import Table

        table = Table(title="Predicted properties")
        for name in ("property", "molecules", "mean", "mean absolute difference", "predictor's own error"):
            table.add_column(name, justify="left" if name == "property" else "right")
        for target in self.predictor.targets:
            values, off = self.predicted[target.name], self.distances[target.name]
            table.add_row(
                f"{target.name} {f'({target.unit})' if target.unit else ''}",
                f"{len(values)}",
                f"{math.fsum(values) / len(values):.4g}" if values else "",
                f"{math.fsum(off) / len(off):.4g} of {len(off)}" if off else "",
                f"{self.predictor.errors[target.name]:.4g}",
            )
        captions = [
            f"{self.num_unknown} molecules have atoms that the predictor does not know" if self.num_unknown else "",
            "the predictor chose these molecules among others; the truth lies farther off" if self.chose else "",
        ]
        table.caption = "; ".join(filter(None, captions)) or None
        return table

    def _with_tags(self, molecule: "Molecule", row: list[float]) -> "Molecule":
        if any(map(math.isnan, row)):
            self.num_unknown += 1
            return molecule
        tags: dict[str, float] = {}
        for target, value in zip(self.predictor.targets, row, strict=True):
            self.predicted[target.name].append(value)
            tags[PREDICTED + target.name] = round(value, 6)
            own = molecule.properties.get(ASKED + target.name, molecule.properties.get(target.name))
            if isinstance(own, int | float) and math.isfinite(own):
                self.distances[target.name].append(abs(value - own))
                tags[OFF + target.name] = round(abs(value - own), 6)
        return replace(molecule, properties={**molecule.properties, **tags})


def judge_of(weights: str, selection: "Selection | None") -> Judge | None:
    """The judge that comes with the weights of a generator, else the predictor that chose among walks, if one did."""
    from moldiff.predictor import Nearness, PropertyPredictor

    predictor = PropertyPredictor.inside(weights)
    score = None if selection is None else selection.score
    if not isinstance(score, Nearness):
        return None if predictor is None else Judge(predictor)
    return Judge(predictor or score.predictor, chose=predictor is None or score.predictor.card == predictor.card)
