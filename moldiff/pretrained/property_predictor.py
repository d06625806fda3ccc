"""Predictors of the properties of molecules: the evaluator of targets, or a reward model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field

import moldiff
from moldiff.build import build_predictor
from moldiff.chem.bare_geometry import geometry_obstacle
from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import from_rdkit
from moldiff.chem.vocabulary import Vocabulary
from moldiff.conditions.condition import Condition
from moldiff.config.base import Config, NotNegative
from moldiff.config.model import NetworkConfig
from moldiff.data.batching import in_batches, pad_rows
from moldiff.data.statistics import Statistics
from moldiff.errors import VocabularyError, WeightsError
from moldiff.network.property_model import PropertyNetwork
from moldiff.pretrained.bundle import read_folder, texts_of
from moldiff.pretrained.format import AGAIN, CARD, CONFIG, STATISTICS, TENSORS, find_weights, read_text
from moldiff.pretrained.tensors import load_module, write_bundle
from moldiff.runtime.precision import use_bf16
from moldiff.runtime.threads import side_by_side
from moldiff.state import State

FOLDER = "predictor"  # of the predictor inside the bundle of a generator
CPU = torch.device("cpu")


class PredictorConfig(Config):
    """What `config.json` of a predictor says.

    Attributes:
        format: distinguishes a predictor from other bundles.
        format_version: of the layout of the folder.
        moldiff_version: that wrote it.
        network: its sizes.
        errors: mean absolute error of each property on molecules that it was not trained on, in its unit.
        num_held_out: how many these were.
    """

    format: Literal["moldiff-predictor"] = "moldiff-predictor"
    format_version: Literal[2] = 2
    moldiff_version: str = Field(default_factory=lambda: moldiff.__version__)
    network: NetworkConfig
    errors: dict[str, NotNegative]
    num_held_out: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, eq=False, repr=False)
class PropertyPredictor:
    """Predicts properties of molecules from their elements, formal charges and coordinates; bonds are not read.

    Attributes:
        network: float32, in evaluation mode.
        config: its sizes, and how well it predicts.
        statistics: of the data it was trained on; its conditions are what it predicts.
        vocabulary: its atom classes.
        card: what it is, for people; Markdown.
    """

    network: PropertyNetwork
    config: PredictorConfig
    statistics: Statistics
    vocabulary: Vocabulary
    card: str

    def __repr__(self) -> str:
        return f"PropertyPredictor({', '.join(condition.name for condition in self.targets)})"

    @property
    def targets(self) -> tuple[Condition, ...]:
        """The properties, in the order of the columns."""
        return self.statistics.conditions

    @property
    def errors(self) -> Mapping[str, float]:
        """Mean absolute error of each property on held-out molecules, in its unit."""
        return self.config.errors

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "PropertyPredictor":
        """From a bundle's folder, or that of a generator with a predictor inside; a `WeightsError` if there is none."""
        folder = find_weights(folder)
        folder = find_weights(folder / FOLDER) if (folder / FOLDER).is_dir() else folder
        content = read_folder(folder, PredictorConfig)
        config, statistics = content.config, content.statistics
        names = [condition.name for condition in statistics.conditions]
        if not names or sorted(config.errors) != sorted(names) or any(c.classes for c in statistics.conditions):
            raise WeightsError(
                f"{folder}: {CONFIG} has errors of {', '.join(config.errors) or 'nothing'}, {STATISTICS} the numbers "
                f"{', '.join(names) or 'none'}; {AGAIN}"
            )
        network = load_module(
            folder / TENSORS,
            lambda: build_predictor(config.network, statistics),
            widest=max(config.network.model_dump().values()),
        )
        return cls(network, config, statistics, content.vocabulary, read_text(folder / CARD))

    @classmethod
    def inside(cls, weights: str | Path) -> "PropertyPredictor | None":
        """The predictor inside the bundle of a generator, or None."""
        folder = find_weights(weights)
        return cls.from_pretrained(folder) if (folder / FOLDER).is_dir() else None

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes the bundle; see `moldiff.pretrained.tensors.write_bundle`."""
        texts = texts_of(self.config, self.statistics, self.card)
        write_bundle(Path(folder), texts, self.network.state_dict(), overwrite=overwrite)

    def predict(
        self, molecules: Iterable[Any], *, allow_extrapolation: bool = False, check_geometry: bool = True
    ) -> Float[np.ndarray, "m c"]:
        """The properties of molecules.

        Args:
            molecules: `Molecule`s or RDKit molecules with all their atoms; coordinates as relaxed as in training.
            allow_extrapolation: also of molecules unlike those it was trained on, whose figures may mean nothing.
            check_geometry: refuse coordinates that are not those of a whole molecule in Å.

        Returns:
            A row for each molecule, in the units of the targets; NaN for one that `obstacle` speaks against.
        """
        molecules = [one if isinstance(one, Molecule) else from_rdkit(one) for one in molecules]
        targets = self.targets
        usable = [
            index
            for index, molecule in enumerate(molecules)
            if self.obstacle(molecule, allow_extrapolation=allow_extrapolation, check_geometry=check_geometry) is None
        ]
        out = np.full((len(molecules), len(targets)), np.nan)
        labels = self.labels(molecules[index] for index in usable)
        out[usable] = labels * [target.std for target in targets] + [target.mean for target in targets]
        return out

    def obstacle(
        self, molecule: Molecule, *, allow_extrapolation: bool = False, check_geometry: bool = True
    ) -> str | None:
        """Why a molecule is not predicted, or None.

        Args:
            molecule: to look at.
            allow_extrapolation: accept sizes and net charges that the network was not trained on.
            check_geometry: refuse coordinates that are not those of a whole molecule in Å.

        Returns:
            What speaks against it: an unknown atom, size or charge, other units, hydrogens that are missing.
        """
        error = self.statistics.domain.obstacle(molecule)
        if error is not None and not (allow_extrapolation and not isinstance(error, VocabularyError)):
            return str(error)
        return geometry_obstacle(molecule) if check_geometry else None

    def labels(self, molecules: Iterable[Molecule]) -> Float[np.ndarray, "m c"]:
        """As `predict`, but in standard deviations from the mean, as of `moldiff.conditions.condition`."""
        known: dict[int, tuple[Molecule, np.ndarray]] = {}
        total = 0
        for index, molecule in enumerate(molecules):
            total += 1
            try:
                known[index] = molecule, self.vocabulary.encode(molecule.elements, molecule.charges)
            except VocabularyError:
                continue
        out = np.full((total, len(self.targets)), np.nan)

        def work(batch: tuple[int, list[int]], stop: Event) -> np.ndarray:
            del stop
            n, rows = batch[0], pad_rows(batch[1], batch[0], CPU)
            pos = torch.from_numpy(np.stack([known[i][0].pos for i in rows])).float()
            atom = torch.from_numpy(np.stack([known[i][1] for i in rows]))
            bond, mask = torch.zeros(*atom.shape, n, dtype=torch.long), torch.ones_like(atom, dtype=torch.bool)
            state = State(pos - pos.mean(1, keepdim=True), atom, bond, mask)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=use_bf16("auto", CPU)):
                return self.network(state)[: len(batch[1])].double().numpy()

        sizes = {index: len(molecule) for index, (molecule, _) in known.items()}
        batches = in_batches(sizes, None, CPU)
        for (_, indices), labels in side_by_side(work, batches, num_threads=torch.get_num_threads()):
            out[indices] = labels
        return out
