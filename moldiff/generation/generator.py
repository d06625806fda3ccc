"""Molecules from a weights bundle: sizes, batches, trajectories and strict validity, in the order of their index."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from moldiff.conditions.labels import labels_of, values_of, warn_outside
from moldiff.diffusion.denoiser import NetworkFactory
from moldiff.errors import ConfigError
from moldiff.generation.conditioning import condition_on
from moldiff.generation.options import DEFAULT_OPTIONS, SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.rewards import Reward
from moldiff.generation.runner import Runner
from moldiff.generation.sample import Sample
from moldiff.generation.sizes import NumAtoms, Size, Sizes, size_weights
from moldiff.generation.targets import Request, RewardModel, Target, Targets, resolve_targets
from moldiff.pretrained.bundle import Bundle, load_pretrained
from moldiff.runtime.device import find_device
from moldiff.runtime.precision import find_precision
from moldiff.sampling.constraints import STEERED
from moldiff.sampling.guidance import Guidance, GuidanceFunction, weights_of
from moldiff.sampling.inpainting import KnownValues

WINDOW = 4096  # molecules that are sorted into batches of equal size together


class MoleculeGenerator:
    """Samples molecules. The same (seed, index) gives the same molecule for any batch size and number of samples.

    Args:
        bundle: the trained model.
        weights: name or folder that the bundle came from; a predictor inside it ranks particles.
        device: to compute on, such as `cpu` or `cuda`; by default the GPU if there is one.
        precision: `float32`, `bf16`, or `auto`: bf16 where the hardware multiplies it natively. Molecules of one seed
            are the same at the same precision only.

    Raises:
        ConfigError: if that device or precision is not there.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        weights: str | Path | None = None,
        device: str | torch.device | None = None,
        precision: str = "auto",
    ) -> None:
        self.bundle, self.weights, self.device = bundle, weights, find_device(device)
        self.precision = find_precision(precision, self.device)
        self.denoiser = bundle.denoiser.to(self.device).eval()
        self._condition = partial(condition_on, process=self.denoiser.process, device=self.device)
        self._runner = partial(Runner.of, bundle, self.device, self.precision)

    def __repr__(self) -> str:
        source = "a bundle" if self.weights is None else str(self.weights)
        return f"MoleculeGenerator({source!r}, device={str(self.device)!r}, precision={self.precision!r})"

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str | torch.device | None = None,
        precision: str = "auto",
        network: NetworkFactory | None = None,
    ) -> "MoleculeGenerator":
        """From weights that ship with the package, by name, or from a bundle's folder; see `load_pretrained`."""
        return cls(
            load_pretrained(name_or_path, network=network), weights=name_or_path, device=device, precision=precision
        )

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes the bundle; see `moldiff.pretrained.bundle.save_pretrained`."""
        self.bundle.save(folder, overwrite=overwrite)

    def sample(
        self,
        num_samples: int,
        *,
        num_atoms: NumAtoms = None,
        seed: int = 0,
        num_steps: int | None = None,
        target: Target | Targets | None = None,
        num_particles: int = 1,
        reward_model: RewardModel = None,
        reward: Reward | None = None,
        guidance: float | Mapping[str, float] = 1.0,
        gradient_guidance: GuidanceFunction | None = None,
        gradient_scale: float = 1.0,
        options: SamplingOptions = DEFAULT_OPTIONS,
    ) -> list[Sample]:
        """Samples in the order of their index, failures in their place; the arguments are those of `stream`."""
        return list(
            self.stream(
                num_samples,
                num_atoms=num_atoms,
                seed=seed,
                num_steps=num_steps,
                target=target,
                num_particles=num_particles,
                reward_model=reward_model,
                reward=reward,
                guidance=guidance,
                gradient_guidance=gradient_guidance,
                gradient_scale=gradient_scale,
                options=options,
            )
        )

    def stream(
        self,
        num_samples: int,
        *,
        num_atoms: NumAtoms = None,
        seed: int = 0,
        num_steps: int | None = None,
        target: Target | Targets | None = None,
        num_particles: int = 1,
        reward_model: RewardModel = None,
        reward: Reward | None = None,
        guidance: float | Mapping[str, float] = 1.0,
        gradient_guidance: GuidanceFunction | None = None,
        gradient_scale: float = 1.0,
        options: SamplingOptions = DEFAULT_OPTIONS,
    ) -> Iterator[Sample]:
        """Samples in the order of their index, as they are done.

        After an interrupt from the keyboard, what is done so far still comes before the interrupt is raised.

        Args:
            num_samples: how many.
            num_atoms: one size, or the least and the greatest, hydrogens included; by default as in the training data,
                with targets as often as in those of its molecules that have them.
            seed: random seed; seed and index reproduce a molecule.
            num_steps: network evaluations for each; by default as the sampler says.
            target: values by the name of the property; see `moldiff.generation.targets.resolve_targets`.
            num_particles: trajectories for each molecule, of which the better ones are kept.
            reward_model: a predictor to rank particles by; by default the one inside the weights.
            reward: a function to rank particles by; see `moldiff.generation.rewards.Reward`.
            guidance: weight of the conditions, or of each by its name; 1 is plain conditioning.
            gradient_guidance: a differentiable function whose gradient guides sampling; see
                `moldiff.sampling.guidance.GuidanceFunction`.
            gradient_scale: of its gradient.
            options: all else.

        Returns:
            The samples.

        Raises:
            ConfigError: if an argument does not make sense.
        """
        if num_samples < 0:
            raise ConfigError(f"num_samples {num_samples}: must be at least 0")
        first, known = options.first, self.bundle.statistics.conditions
        if not isinstance(target, Targets):
            target = self.resolve(
                target, num_particles=num_particles, reward_model=reward_model, reward=reward, options=options
            )
        elif num_particles != 1 or reward_model is not None or reward is not None:
            raise ConfigError("target: resolved targets have their own particles and reward; give these no second time")
        particles, conditions = target.particles, target.conditions
        labels = labels_of(known, conditions)
        own = [(c, label) for c, label in (particles.targets if particles else ()) if c.name not in conditions]
        every, wanted = [*known, *(c for c, _ in own)], [*labels, *(label for _, label in own)]
        recorded = {**values_of(known, labels), **({} if particles is None else particles.recorded)}
        warn_outside(every, wanted)
        counts = size_weights(every, wanted, self.bundle.statistics.sizes)
        sizes = Sizes.of(
            counts,
            num_atoms,
            num_heavy_atoms=options.num_heavy_atoms,
            num_hydrogens=self.bundle.statistics.num_hydrogens,
            allow_extrapolation=options.allow_extrapolation,
        )
        strength = Guidance(weights_of(known, guidance, [labels]), options.guidance_interval)
        runner = self._runner(
            seed=seed,
            num_steps=num_steps,
            options=options,
            conditioning=partial(self._condition, lambda index: labels, strength, gradient_guidance, gradient_scale),
            particles=particles,
            targets=lambda index: recorded,
            hydrogens_until=STEERED if num_atoms is None else 0.0,
        )

        def windows() -> Iterator[Sample]:
            for start in range(first, first + num_samples, WINDOW):
                indices = range(start, min(start + WINDOW, first + num_samples))
                yield from runner.window({index: sizes.draw(seed, index) for index in indices})

        return windows()

    def resolve(
        self,
        target: Target | None,
        *,
        num_particles: int = 1,
        reward_model: RewardModel = None,
        reward: Reward | None = None,
        options: SamplingOptions = DEFAULT_OPTIONS,
    ) -> Targets:
        """`moldiff.generation.targets.resolve_targets` with these weights."""
        return resolve_targets(
            self.bundle,
            self.weights,
            target,
            num_particles=num_particles,
            reward_model=reward_model,
            reward=reward,
            options=options,
        )

    def answer(
        self,
        requests: Sequence[Request],
        *,
        seed: int = 0,
        num_steps: int | None = None,
        guidance: float | Mapping[str, float] = 1.0,
        particles: ParticleSampling | None = None,
        options: SamplingOptions = DEFAULT_OPTIONS,
    ) -> Iterator[Sample]:
        """One sample of each request, in their order.

        Args:
            requests: a size and targets for each molecule.
            seed: as in `stream`.
            num_steps: as in `stream`.
            guidance: as in `stream`.
            particles: several particles compete for each molecule; the reward gets the index of each sample.
            options: as in `stream`; `first` is the index of the first request.

        Returns:
            The samples.
        """
        known, first = self.bundle.statistics.conditions, options.first
        labels = [labels_of(known, request.conditions) for request in requests]
        strength = Guidance(weights_of(known, guidance, labels), options.guidance_interval)
        runner = self._runner(
            seed=seed,
            num_steps=num_steps,
            options=options,
            particles=particles,
            conditioning=partial(self._condition, lambda index: labels[index - first], strength, None, 1.0),
            targets=lambda index: values_of(known, labels[index - first]),
        )

        def windows() -> Iterator[Sample]:
            for start in range(0, len(requests), WINDOW):
                some = enumerate(requests[start : start + WINDOW], start=first + start)
                yield from runner.window({i: Size(one.num_atoms, one.num_hydrogens) for i, one in some})

        return windows()

    def complete(
        self,
        parts: Sequence[KnownValues],
        *,
        indices: Sequence[int] | None = None,
        seed: int = 0,
        num_steps: int | None = None,
        particles: ParticleSampling | None = None,
        options: SamplingOptions = DEFAULT_OPTIONS,
    ) -> Iterator[Sample]:
        """One sample of each partial molecule, in their order: what is known stays, the rest is sampled.

        Args:
            parts: one molecule each, in the frame where the known coordinates are centred; may come more than once.
            indices: number of each sample, all different; with the seed it determines what is sampled.
            seed: as in `stream`.
            num_steps: as in `stream`.
            particles: as in `answer`.
            options: as in `stream`.

        Returns:
            The samples.

        Raises:
            ConfigError: if an argument does not make sense.
        """
        numbers = list(range(len(parts)) if indices is None else indices)
        if len(set(numbers)) != len(parts) or min(numbers, default=0) < 0:
            raise ConfigError(f"indices: {len(parts)} parts need as many different numbers of at least 0")
        of = dict(zip(numbers, parts, strict=True))
        recorded = {} if particles is None else particles.recorded
        runner = self._runner(
            seed=seed, num_steps=num_steps, options=options, particles=particles, targets=lambda index: recorded
        )

        def windows() -> Iterator[Sample]:
            for start in range(0, len(numbers), WINDOW):
                sizes = {index: Size(of[index].pos.shape[1]) for index in numbers[start : start + WINDOW]}
                yield from runner.window(sizes, lambda n, rows: KnownValues.stack([of[index] for index in rows]))

        return windows()
