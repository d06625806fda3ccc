"""Which weights complete which molecule: given ones, or for each molecule the shipped ones whose domain holds it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from moldiff.chem.molecule import Molecule
from moldiff.data.domain import Read
from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.sample import Sample
from moldiff.generation.targets import RewardModel, Target, resolve_particles
from moldiff.pretrained.format import Obstacle, choose_weights, refuse_outside
from moldiff.tasks.defaults import AUTO

Task = Callable[..., Iterator[Sample]]  # of a generator and items


@dataclass
class Router:
    """Finds the weights of each molecule, and completes each with its own.

    Attributes:
        weights: a name or a folder, loaded at once, so that what is wrong with it is no fault of a molecule; or `auto`:
            for each molecule the shipped weights that know it.
        allow_extrapolation: accept molecules beyond the domain of the weights.
        load: makes a generator of a name or folder.
        loaded: generators by the name of their weights.
    """

    weights: str = AUTO
    allow_extrapolation: bool = False
    load: Callable[[str], MoleculeGenerator] = MoleculeGenerator.from_pretrained
    loaded: dict[str, MoleculeGenerator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weights != AUTO:
            self.generator(self.weights)

    @classmethod
    def of(cls, generator: "MoleculeGenerator | Router | str | Path", *, allow_extrapolation: bool = False) -> "Router":
        """The router of a generator, of weights, or as it is.

        Args:
            generator: completes all molecules; or a name, a folder, or `auto`; or a router, which stays as it is.
            allow_extrapolation: as in the attributes.

        Returns:
            The router.
        """
        if isinstance(generator, Router):
            return generator
        if isinstance(generator, MoleculeGenerator):
            name = str(generator.weights or "generator")
            return cls(name, allow_extrapolation, loaded={name: generator})
        return cls(str(generator), allow_extrapolation)

    def generator(self, name: str) -> MoleculeGenerator:
        """The generator of weights of this name or in this folder, loaded when it is first needed."""
        if name not in self.loaded:
            self.loaded[name] = self.load(name)
        return self.loaded[name]

    def name_for(self, obstacle: Obstacle, label: str) -> str:
        """Weights whose domain holds a molecule.

        Args:
            obstacle: of the molecule.
            label: of the molecule, for the message.

        Returns:
            Name or folder; a `DomainError` if there are none.
        """
        more: Mapping[str, Any] = {"label": label, "allow_extrapolation": self.allow_extrapolation}
        if self.weights == AUTO:
            return choose_weights(obstacle, **more)
        refuse_outside(obstacle, self.generator(self.weights).bundle.statistics.domain, **more)
        return self.weights

    def name_of(self, molecule: Molecule, read: Read = "atoms") -> str:
        """As `name_for`, by the domain's view of a whole molecule."""
        return self.name_for(lambda domain: domain.obstacle(molecule, read), molecule.label)

    def particles(
        self,
        names: Sequence[str],
        target: Target | ParticleSampling | None,
        *,
        num_particles: int,
        reward_model: RewardModel,
        options: SamplingOptions,
    ) -> ParticleSampling | None:
        """How particles compete, for weights that complete all molecules.

        Args:
            names: of the weights of each molecule.
            target: values by the name of the property, or how particles compete.
            num_particles: trajectories for each molecule.
            reward_model: a predictor to rank particles by.
            options: how often particles are compared.

        Returns:
            None for one particle.

        Raises:
            ConfigError: if a target ranks no particles, or there are several weights.
        """
        if isinstance(target, ParticleSampling):
            return target
        if not target and num_particles == 1 and reward_model is None:
            return None
        several = sorted(set(names))
        if len(several) > 1:
            raise ConfigError(f"target: these molecules go to {' and '.join(several)}; name one of the weights")
        bundle = self.generator(several[0]).bundle
        return resolve_particles(
            bundle, several[0], target, num_particles=num_particles, reward_model=reward_model, options=options
        )

    def complete(
        self, task: Task, items: Sequence[Any], *, names: Sequence[str], num_each: int = 1, **request: Any
    ) -> Iterator[Sample]:
        """Samples of a task for each item, by the weights of its own, in the order of the items.

        After an interrupt from the keyboard, what is done so far still comes before the interrupt is raised.

        Args:
            task: such as `moldiff.tasks.conformers.sample_conformers`.
            items: what it takes.
            names: of the weights of each.
            num_each: samples of each item.
            **request: further arguments of the task.

        Returns:
            Samples, each with the number that it has among all.
        """
        request["allow_extrapolation"] = self.allow_extrapolation
        if num_each > 1:
            request["num_each"] = num_each
        places = {name: [i for i, own in enumerate(names) if own == name] for name in dict.fromkeys(names)}
        streams = {
            name: _number_samples(task(self.generator(name), [items[i] for i in own], **request), own, num_each, name)
            for name, own in places.items()
        }
        return _in_turn([streams[name] for name in names for _ in range(num_each)])


def _in_turn(turns: Sequence[Iterator[Sample]]) -> Iterator[Sample]:
    """The next of each; after an interrupt what each of them has done, and then the interrupt."""
    try:
        for samples in turns:
            yield next(samples)
    except KeyboardInterrupt:
        for rest in dict.fromkeys(turns):
            try:
                yield from rest
            except KeyboardInterrupt:
                continue
        raise


def _number_samples(samples: Iterator[Sample], places: Sequence[int], num_each: int, weights: str) -> Iterator[Sample]:
    """Numbers among all, and the weights: seed and index determine a molecule for these weights alone."""
    for sample in samples:
        item, number = divmod(sample.index, num_each)
        molecule = sample.molecule
        if molecule is not None:
            molecule = replace(molecule, properties={**molecule.properties, "weights": weights})
        yield replace(sample, index=places[item] * num_each + number, molecule=molecule)
