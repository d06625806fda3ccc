"""What is said of molecules as they come: tags beside them, and a table of how near they are to what was asked for."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from moldiff.runtime.plain_text import outside_text

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from moldiff.chem.molecule import Molecule
    from moldiff.generation.particles import ParticleSampling
    from moldiff.pretrained.property_predictor import PropertyPredictor


TARGET, PREDICTED, ERROR = "target_", "predicted_", "error_"  # before the name of a property


@dataclass
class Evaluator:
    """Measures molecules as they come, and keeps what the table at the end needs.

    Attributes:
        title: of the table.
        measure: a row of numbers for each molecule, NaN where there are none.
        units: by the name of each number.
        before: the name of a number in its tag.
        errors: of the numbers themselves, by name; none of what is exact.
        unknown: why a molecule has no numbers.
        caption: below the table.
        values: by name, of all that came.
        distances: from what was asked for.
        num_unknown: molecules without numbers.
    """

    title: str
    measure: "Callable[[Sequence[Molecule]], np.ndarray]"
    units: Mapping[str, str]
    before: str = ""
    errors: Mapping[str, float] = field(default_factory=dict)
    unknown: str = ""
    caption: str = ""
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    distances: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    num_unknown: int = 0

    def evaluate(self, molecules: "Sequence[Molecule]") -> "list[Molecule]":
        """The molecules with their numbers, and how far those are from what was asked for, or what they have."""
        rows = self.measure(molecules)
        return [self._with_tags(molecule, row) for molecule, row in zip(molecules, rows.tolist(), strict=True)]

    def table(self) -> "Table":
        """For the terminal; the last column says how much of a difference may be the predictor's own."""
        from rich.table import Table

        table = Table(title=self.title)
        headings = ["property", "molecules", "mean", "mean absolute difference"]
        for name in headings + ["predictor's own error"] * bool(self.errors):
            table.add_column(outside_text(name), justify="left" if name == "property" else "right")
        for name, unit in self.units.items():
            values, off = self.values[name], self.distances[name]
            table.add_row(
                outside_text(f"{name} {f'({unit})' if unit else ''}"),
                f"{len(values)}",
                f"{math.fsum(values) / len(values):.4g}" if values else "",
                f"{math.fsum(off) / len(off):.4g} of {len(off)}" if off else "",
                *([f"{self.errors[name]:.4g}"] if self.errors else []),
            )
        captions = [f"{self.num_unknown} molecules {self.unknown}" if self.num_unknown else "", self.caption]
        table.caption = "; ".join(filter(None, captions)) or None
        return table

    def _with_tags(self, molecule: "Molecule", row: list[float]) -> "Molecule":
        if any(map(math.isnan, row)):
            self.num_unknown += 1
            return molecule
        tags: dict[str, float] = {}
        for name, value in zip(self.units, row, strict=True):
            self.values[name].append(value)
            tags[self.before + name] = round(value, 6)
            own = molecule.properties.get(TARGET + name, molecule.properties.get(name))
            if isinstance(own, int | float) and math.isfinite(own):
                self.distances[name].append(abs(value - own))
                tags[ERROR + name] = round(abs(value - own), 6)
        return replace(molecule, properties={**molecule.properties, **tags})


def predictor_evaluator(predictor: "PropertyPredictor", *, chose: bool = False) -> Evaluator:
    """What a predictor says.

    Args:
        predictor: of properties.
        chose: it also chose among the walks, so it is no judge of how well that went.

    Returns:
        The judge.
    """
    predict = partial(
        predictor.predict, allow_extrapolation=True, check_geometry=False
    )  # or the figures would be of the better molecules
    flattered = "the predictor chose these molecules among others; the truth lies farther off"
    return Evaluator(
        "Predicted properties",
        predict,
        {target.name: target.unit for target in predictor.targets},
        before=PREDICTED,
        errors=predictor.errors,
        unknown="have atoms that the predictor does not know",
        caption=flattered if chose else "",
    )


def descriptor_evaluator(names: Sequence[str]) -> Evaluator:
    """What RDKit computes, of `moldiff.chem.descriptors.DESCRIPTORS`."""
    from moldiff.chem.descriptors import DESCRIPTORS, describe

    units = {name: DESCRIPTORS[name].unit for name in names}
    return Evaluator("Computed properties", partial(describe, list(names)), units, unknown="are not sanitised by RDKit")


def evaluators_of(weights: str, selection: "ParticleSampling | None") -> list[Evaluator]:
    """Those that have a say on what was asked for.

    Args:
        weights: of the generator, whose predictor judges if it brings one, else the predictor that chose among walks.
        selection: what walks competed for.

    Returns:
        The judges.
    """
    from moldiff.generation.rewards import DescriptorReward, PropertyReward, SumReward
    from moldiff.pretrained.property_predictor import PropertyPredictor

    score = None if selection is None else selection.score
    scores = score.scores if isinstance(score, SumReward) else (score,)
    evaluators = [descriptor_evaluator(list(score.wanted)) for score in scores if isinstance(score, DescriptorReward)]
    reward_model = next((score.predictor for score in scores if isinstance(score, PropertyReward)), None)
    if evaluators and reward_model is None:
        return evaluators
    predictor = PropertyPredictor.inside(weights) or reward_model
    if predictor is not None:
        evaluators.append(
            predictor_evaluator(predictor, chose=reward_model is not None and reward_model.card == predictor.card)
        )
    return evaluators
