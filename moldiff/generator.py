"""Molecules from a weights bundle: sizes, batches, walks and strict validity, in the order of their numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.batching import in_batches, rows_of
from moldiff.build import build_grid, build_lead, build_steppers
from moldiff.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Checked, check
from moldiff.config import SamplerSettings
from moldiff.diffusion.randomness import SampleRandomness
from moldiff.errors import ConfigError, MoleculeError
from moldiff.precision import use_bf16
from moldiff.sampling.known import Known, OnlyPossible
from moldiff.sampling.walk import Tap, shown, walk
from moldiff.sizes import NumAtoms, Sizes
from moldiff.state import Prediction, State
from moldiff.workers import side_by_side

WINDOW = 4096  # molecules that are sorted into batches of equal size together


@dataclass(frozen=True, eq=False)
class Sample:
    """One molecule asked for.

    Attributes:
        index: its number; with the seed it determines the molecule.
        result: the sanitised RDKit molecule with its conformer, or why it is not strictly valid.
        molecule: as it was drawn, valid or not; None only if its coordinates are no numbers.
        states: of its walk, after each network evaluation, if they were asked for.
        confidence: probability that the last evaluation gave each bond, and no bond, that came out.
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


class MoleculeGenerator:
    """Draws molecules. The same (seed, index) gives the same molecule for any batch size and number of samples.

    Args:
        bundle: the trained model.
        device: to compute on; by default the GPU if there is one.

    Raises:
        ConfigError: if that device is not there.
    """

    def __init__(self, bundle: Bundle, *, device: str | torch.device | None = None) -> None:
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if device.type not in ("cpu", "cuda") or (device.type == "cuda" and not torch.cuda.is_available()):
            raise ConfigError(f"device {str(device)!r}: not available on this machine; use 'cpu'")
        self.bundle, self.device = bundle, device
        self.denoiser = bundle.denoiser.to(device).eval()

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path, *, device: str | torch.device | None = None
    ) -> "MoleculeGenerator":
        """From weights that ship with the package, by name, or from a bundle's folder; see `load_pretrained`."""
        return cls(load_pretrained(name_or_path), device=device)

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes the bundle; see `moldiff.bundle.save_pretrained`."""
        b = self.bundle
        save_pretrained(
            folder,
            b.denoiser,
            settings=b.settings,
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
        sampler: SamplerSettings | None = None,
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
            num_atoms: one size, or the least and the greatest; by default as in the training data.
            batch_size: most molecules in one network evaluation; by default by a budget in atom pairs.
            allow_extrapolation: sizes outside the trained range give a warning instead of an error.
            sampler: how the walk goes; by default as the weights say.
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
        sizes = Sizes.of(self.bundle.statistics.sizes, num_atoms, allow_extrapolation=allow_extrapolation)
        how = self._how(sampler, num_steps, seed, batch_size, with_states=with_states, on_step=on_step)

        def windows() -> Iterator[Sample]:
            for start in range(first, first + num_samples, WINDOW):
                indices = range(start, min(start + WINDOW, first + num_samples))
                yield from self._window({index: sizes.draw(seed, index) for index in indices}, _nothing, how)

        return windows()

    def complete(
        self,
        parts: Sequence[Known],
        *,
        indices: Sequence[int] | None = None,
        num_steps: int | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        sampler: SamplerSettings | None = None,
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
        how = self._how(sampler, num_steps, seed, batch_size, on_step=on_step)

        def windows() -> Iterator[Sample]:
            for start in range(0, len(numbers), WINDOW):
                sizes = {index: of[index].pos.shape[1] for index in numbers[start : start + WINDOW]}
                yield from self._window(sizes, lambda n, rows: Known.stack([of[index] for index in rows]), how)

        return windows()

    def _how(
        self,
        sampler: SamplerSettings | None,
        num_steps: int | None,
        seed: int,
        batch_size: int | None,
        **watched: Any,
    ) -> "_How":
        if seed < 0 or (batch_size is not None and batch_size < 1):
            raise ConfigError(f"seed {seed}: must be at least 0; batch_size {batch_size}: at least 1")
        chosen = sampler or self.bundle.sampler
        process = self.denoiser.process
        grid = build_grid(chosen, process.pos.schedule, num_steps)
        go = partial(
            walk, process, steppers=build_steppers(chosen), grid=grid, lead=build_lead(chosen), churn=chosen.churn
        )
        return _How(go, len(grid) - 1, seed, batch_size, **watched)

    def _window(self, sizes: dict[int, int], known: "_KnownOf", how: "_How") -> Iterator[Sample]:
        done: dict[int, Sample] = {}
        waiting = iter(sizes)
        following = next(waiting, None)
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1

        def work(batch: tuple[int, list[int]], stop: Event) -> _Drawn:
            states: list[tuple[float, State]] = []
            last: list[Prediction] = []

            def tap(step: int, time: float, state: State, x0_hat: Prediction) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                last[:] = [x0_hat]
                if how.with_states:
                    states.append((time, shown(state, x0_hat).to("cpu")))
                if how.on_step is not None:
                    how.on_step(len(batch[1]))

            state = self._draw(*batch, known, how, tap)
            sure = last[0].bond.float().softmax(-1).to("cpu").gather(-1, state.bond[..., None])[..., 0]
            return _Drawn(state, sure, states)

        try:
            for (_, indices), drawn in side_by_side(
                work, in_batches(sizes, how.batch_size, self.device), num_threads=threads
            ):
                for row, index in enumerate(indices):
                    told = {"seed": how.seed, "index": index, "num_steps": how.num_steps}
                    done[index] = self._sample(drawn, row, told)
                while following in done:
                    yield done.pop(following)
                    following = next(waiting, None)
        except KeyboardInterrupt:
            yield from (done[index] for index in sorted(done))
            raise

    def _draw(self, n: int, indices: Sequence[int], known: "_KnownOf", how: "_How", tap: Tap) -> State:
        """One batch of exactly one size; rows beyond the indices repeat the last and are dropped."""
        _, unit = rows_of(n, self.device)
        rows = -(-len(indices) // unit) * unit
        filled = [*indices, *[indices[-1]] * (rows - len(indices))]
        given = known(n, filled).to(self.device)
        denoiser = self.denoiser if given.possible is None else OnlyPossible(self.denoiser, given.possible)
        generator = SampleRandomness(how.seed, filled, torch.full((rows,), n), device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16("auto", self.device)):
            return how.go(denoiser=denoiser, known=given, generator=generator, tap=tap).to("cpu")

    def _sample(self, drawn: "_Drawn", row: int, told: dict[str, int]) -> Sample:
        try:
            molecule = self._molecule(drawn.state, row, told)
            walked = tuple(self._molecule(past, row, {**told, "time": round(time, 6)}) for time, past in drawn.states)
        except MoleculeError as error:  # only the coordinates can be at fault
            return Sample(told["index"], Failure("coordinates", str(error)), None)
        return Sample(told["index"], check(molecule), molecule, walked, drawn.confidence[row].numpy())

    def _molecule(self, state: State, row: int, told: Mapping[str, float | int]) -> Molecule:
        elements, charges = self.bundle.vocabulary.decode(state.atom[row].numpy())
        return Molecule(
            elements, charges, state.pos[row].numpy().astype(np.float64), state.bond[row].numpy(),
            name=f"moldiff-{told['seed']}-{told['index']}", properties=told,
        )  # fmt: skip


_KnownOf = Callable[[int, Sequence[int]], Known]  # from a size and the indices of that size, a row each


def _nothing(n: int, indices: Sequence[int]) -> Known:
    return Known.nothing(torch.ones(len(indices), n, dtype=torch.bool))


@dataclass(frozen=True)
class _How:
    """What the walks of one call share; see `MoleculeGenerator.iterate`."""

    go: Callable[..., State]
    num_steps: int
    seed: int
    batch_size: int | None
    with_states: bool = False
    on_step: Callable[[int], None] | None = None


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One batch at the end of its walk; `Sample` has the meaning of each."""

    state: State
    confidence: Float[Tensor, "b n n"]
    states: list[tuple[float, State]]
