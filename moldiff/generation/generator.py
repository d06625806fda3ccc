"""Molecules from a weights bundle: sizes, batches, walks and strict validity, in the order of their numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from moldiff.build import build_grid, build_solvers, build_time_exponents
from moldiff.chem.validity import Checked
from moldiff.conditions.condition import Value
from moldiff.conditions.labels import labels_of, values_of, warn_outside
from moldiff.config.sampler import SamplerConfig
from moldiff.diffusion.denoiser import Denoiser
from moldiff.errors import ConfigError
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.runner import Conditioning, Runner, unconditioned
from moldiff.generation.sample import Sample
from moldiff.generation.sizes import NumAtoms, Sizes, size_weights
from moldiff.pretrained.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.runtime.device import find_device
from moldiff.runtime.precision import find_precision
from moldiff.sampling.connectivity import Connected
from moldiff.sampling.guidance import ClassifierFreeGuidance, GradientGuidance, Guidance, GuidanceFunction, weights_of
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.sampler import sample_trajectory

WINDOW = 4096  # molecules that are sorted into batches of equal size together


@dataclass(frozen=True)
class Request:
    """What one molecule shall be like.

    Attributes:
        num_atoms: its size.
        conditions: values by the name of the condition; those left out are free.
    """

    num_atoms: int
    conditions: Mapping[str, Value] = field(default_factory=dict)


class MoleculeGenerator:
    """Draws molecules. The same (seed, index) gives the same molecule for any batch size and number of samples.

    Args:
        bundle: the trained model.
        device: to compute on, such as `cpu` or `cuda`; by default the GPU if there is one.
        precision: `float32`, `bf16`, or `auto`: bf16 where the hardware multiplies it natively. Molecules of one seed
            are the same at the same precision only.

    Raises:
        ConfigError: if that device or precision is not there.
    """

    def __init__(self, bundle: Bundle, *, device: str | torch.device | None = None, precision: str = "auto") -> None:
        self.bundle, self.device = bundle, find_device(device)
        self.precision = find_precision(precision, self.device)
        self.denoiser = bundle.denoiser.to(self.device).eval()

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path, *, device: str | torch.device | None = None, precision: str = "auto"
    ) -> "MoleculeGenerator":
        """From weights that ship with the package, by name, or from a bundle's folder; see `load_pretrained`."""
        return cls(load_pretrained(name_or_path), device=device, precision=precision)

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes the bundle; see `moldiff.pretrained.bundle.save_pretrained`."""
        b = self.bundle
        save_pretrained(
            folder,
            b.denoiser,
            config=b.config,
            statistics=b.statistics,
            card=b.card,
            sampler=b.sampler,
            overwrite=overwrite,
        )

    def sample(self, num_samples: int, **options) -> list[Checked]:
        """RDKit molecules in order, failures in their place; the options are those of `iterate`."""
        return [sample.result for sample in self.iterate(num_samples, **options)]

    def iterate(
        self,
        num_samples: int,
        *,
        num_steps: int | None = None,
        seed: int = 0,
        first: int = 0,
        num_atoms: NumAtoms = None,
        batch_size: int | None = None,
        allow_extrapolation: bool = False,
        sampler: SamplerConfig | None = None,
        conditions: Mapping[str, Value] | None = None,
        guidance: float | Mapping[str, float] = 1.0,
        guidance_interval: tuple[float, float] = (0.0, 1.0),
        gradient_guidance: GuidanceFunction | None = None,
        gradient_scale: float = 1.0,
        selection: ParticleSampling | None = None,
        with_states: bool = False,
        on_step: Callable[[int], None] | None = None,
    ) -> Iterator[Sample]:
        """Samples in the order of their index, as they are done.

        When the work is interrupted from the keyboard, what is done so far still comes before the interrupt does.

        Args:
            num_samples: how many.
            num_steps: network evaluations for each; by default as the sampler says.
            seed: of all randomness.
            first: index of the first; to go on where another call ended.
            num_atoms: one size, or the least and the greatest; by default as in the training data, with conditions
                as often as in those of its molecules that have them.
            batch_size: most molecules in one network evaluation; by default by a budget in atom pairs.
            allow_extrapolation: sizes outside the trained range give a warning instead of an error.
            sampler: how the walk goes; by default as the weights say.
            conditions: what is asked of every molecule, by name; the weights' statistics have those they know.
            guidance: how strongly the conditions count, or each by its name; 1 is as in the data.
            guidance_interval: times of the coordinates within which guidance and goal count.
            gradient_guidance: a differentiable function whose gradient guides the molecules; see
                `moldiff.sampling.guidance.GuidanceFunction`.
            gradient_scale: of its gradient.
            selection: several walks compete for each molecule; see `moldiff.generation.particles.ParticleSampling`.
            with_states: give the states of each walk, too; for few molecules, they take `num_steps` times the memory.
            on_step: called after each evaluation with the number of molecules that it was for; on the CPU from as many
                threads as torch was told to use, which work on a batch each.

        Returns:
            The samples.

        Raises:
            ConfigError: if a number makes no sense.
        """
        if num_samples < 0 or first < 0:
            raise ConfigError(f"num_samples {num_samples}, first {first}: must be at least 0")
        known = self.bundle.statistics.conditions
        labels = labels_of(known, conditions or {})
        selected = [
            (c, label) for c, label in (selection.asked if selection else ()) if c.name not in (conditions or {})
        ]
        every, wanted = [*known, *(c for c, _ in selected)], [*labels, *(label for _, label in selected)]
        wishes = {} if selection is None else selection.wishes
        warn_outside(every, wanted)
        counts = size_weights(every, wanted, self.bundle.statistics.sizes)
        sizes = Sizes.of(counts, num_atoms, allow_extrapolation=allow_extrapolation)
        strength = Guidance(weights_of(known, guidance, [labels]), guidance_interval)
        drawing = self._drawing(
            sampler,
            num_steps,
            seed,
            batch_size,
            with_states=with_states,
            on_step=on_step,
            conditioning=self._conditioning(lambda index: labels, strength, gradient_guidance, gradient_scale),
            selection=selection,
            asked=lambda index: {**values_of(known, labels), **wishes},
        )

        def windows() -> Iterator[Sample]:
            for start in range(first, first + num_samples, WINDOW):
                indices = range(start, min(start + WINDOW, first + num_samples))
                yield from drawing.window({index: sizes.draw(seed, index) for index in indices})

        return windows()

    def answer(
        self,
        requests: Sequence[Request],
        *,
        guidance: float | Mapping[str, float] = 1.0,
        guidance_interval: tuple[float, float] = (0.0, 1.0),
        num_steps: int | None = None,
        seed: int = 0,
        first: int = 0,
        batch_size: int | None = None,
        sampler: SamplerConfig | None = None,
        selection: ParticleSampling | None = None,
        on_step: Callable[[int], None] | None = None,
    ) -> Iterator[Sample]:
        """One sample of each request, in their order.

        Args:
            requests: a size and conditions for each molecule.
            guidance: as in `iterate`.
            guidance_interval: as in `iterate`.
            num_steps: as in `iterate`.
            seed: as in `iterate`.
            first: index of the first request.
            batch_size: as in `iterate`.
            sampler: as in `iterate`.
            selection: as in `iterate`; its score gets the index of each sample.
            on_step: as in `iterate`.

        Returns:
            The samples.
        """
        known = self.bundle.statistics.conditions
        labels = [labels_of(known, request.conditions) for request in requests]
        strength = Guidance(weights_of(known, guidance, labels), guidance_interval)
        drawing = self._drawing(
            sampler,
            num_steps,
            seed,
            batch_size,
            on_step=on_step,
            selection=selection,
            conditioning=self._conditioning(lambda index: labels[index - first], strength),
            asked=lambda index: values_of(known, labels[index - first]),
        )

        def windows() -> Iterator[Sample]:
            for start in range(0, len(requests), WINDOW):
                some = enumerate(requests[start : start + WINDOW], start=first + start)
                yield from drawing.window({index: request.num_atoms for index, request in some})

        return windows()

    def complete(
        self,
        parts: Sequence[KnownValues],
        *,
        indices: Sequence[int] | None = None,
        num_steps: int | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        sampler: SamplerConfig | None = None,
        selection: ParticleSampling | None = None,
        on_step: Callable[[int], None] | None = None,
    ) -> Iterator[Sample]:
        """One sample of each part, in their order: what is known stays, the rest is drawn.

        Args:
            parts: one molecule each, in the frame where the known coordinates are centred; may come more than once.
            indices: number of each sample, all different; with the seed it determines what is drawn for its part.
            num_steps: as in `iterate`.
            seed: as in `iterate`.
            batch_size: as in `iterate`.
            sampler: as in `iterate`.
            selection: as in `iterate`; its score gets the number of each sample.
            on_step: as in `iterate`.

        Returns:
            The samples.

        Raises:
            ConfigError: if a number makes no sense.
        """
        numbers = list(range(len(parts)) if indices is None else indices)
        if len(set(numbers)) != len(parts) or min(numbers, default=0) < 0:
            raise ConfigError(f"indices: {len(parts)} parts need as many different numbers of at least 0")
        of = dict(zip(numbers, parts, strict=True))
        wishes = {} if selection is None else selection.wishes
        drawing = self._drawing(
            sampler, num_steps, seed, batch_size, on_step=on_step, selection=selection, asked=lambda index: wishes
        )

        def windows() -> Iterator[Sample]:
            for start in range(0, len(numbers), WINDOW):
                sizes = {index: of[index].pos.shape[1] for index in numbers[start : start + WINDOW]}
                yield from drawing.window(sizes, lambda n, rows: KnownValues.stack([of[index] for index in rows]))

        return windows()

    def _drawing(
        self,
        sampler: SamplerConfig | None,
        num_steps: int | None,
        seed: int,
        batch_size: int | None,
        **options: Any,
    ) -> Runner:
        if seed < 0 or (batch_size is not None and batch_size < 1):
            raise ConfigError(f"seed {seed}: must be at least 0; batch_size {batch_size}: at least 1")
        chosen = sampler or self.bundle.sampler
        process = self.denoiser.process
        grid = build_grid(chosen, process.pos.schedule, num_steps)
        go = partial(
            sample_trajectory,
            process,
            solvers=build_solvers(chosen),
            grid=grid,
            time_exponents=build_time_exponents(chosen),
            churn=chosen.churn,
        )
        if chosen.connectivity:
            given = options.get("conditioning", unconditioned)
            options["conditioning"] = lambda denoiser, rows: Connected(given(denoiser, rows), chosen.connectivity)
        return Runner(
            self.denoiser,
            self.bundle.vocabulary,
            self.device,
            go,
            len(grid) - 1,
            seed,
            batch_size,
            self.precision,
            **options,
        )

    def _conditioning(
        self,
        labels: Callable[[int], list[float]],
        guidance: Guidance,
        gradient_guidance: GuidanceFunction | None = None,
        scale: float = 1.0,
    ) -> Conditioning:
        def conditioning(denoiser: Denoiser, indices: Sequence[int]) -> Denoiser:
            if guidance.weights:
                rows = torch.tensor([labels(index) for index in indices], device=self.device)
                denoiser = ClassifierFreeGuidance(denoiser, rows, guidance)
            if gradient_guidance is not None:
                denoiser = GradientGuidance(
                    denoiser, self.denoiser.process, gradient_guidance, scale, guidance.interval
                )
            return denoiser

        return conditioning
