"""Molecules from a weights bundle: sizes, batches, walks and strict validity, in the order of their numbers."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import torch
from jaxtyping import Float, Int

from moldiff.build import build_grid, build_lead, build_steppers
from moldiff.bundle import Bundle, load_pretrained, save_pretrained
from moldiff.chem.molecule import MAX_ATOMS, Failure, Molecule
from moldiff.chem.validity import Checked, check
from moldiff.config import SamplerSettings
from moldiff.diffusion.randomness import SampleRandomness, sample_generator
from moldiff.errors import ConfigError, MoleculeError, SizeError
from moldiff.precision import use_bf16
from moldiff.sampling.known import Known
from moldiff.sampling.walk import shown, walk
from moldiff.state import Prediction, State
from moldiff.workers import side_by_side

NumAtoms = int | tuple[int, int] | None
WINDOW = 4096  # molecules that are sorted into batches of equal size together
PAIRS_CPU, PAIRS_GPU = 32_000, 1 << 18  # atom pairs in a batch
ROWS_BF16, ROWS_FLOAT32 = 8, 32  # see MoleculeGenerator._rows


@dataclass(frozen=True, eq=False)
class Sample:
    """One molecule asked for.

    Attributes:
        index: its number; with the seed it determines the molecule.
        result: the sanitised RDKit molecule with its conformer, or why it is not strictly valid.
        molecule: as it was drawn, valid or not; None only if its coordinates are no numbers.
        states: of its walk, after each network evaluation, if they were asked for.
    """

    index: int
    result: Checked
    molecule: Molecule | None
    states: tuple[Molecule, ...] = ()

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
        if num_samples < 0 or first < 0 or seed < 0 or (batch_size is not None and batch_size < 1):
            raise ConfigError(
                f"num_samples {num_samples}, first {first}, seed {seed}: must be at least 0; batch_size {batch_size}: 1"
            )
        sizes = _Sizes.of(self.bundle, num_atoms, allow_extrapolation=allow_extrapolation)
        how = sampler or self.bundle.sampler
        grid = build_grid(how, self.denoiser.process.pos.schedule, num_steps)
        go = partial(
            walk, self.denoiser.process, self.denoiser, build_steppers(how), grid,
            lead=build_lead(how), churn=how.churn,
        )  # fmt: skip

        def windows() -> Iterator[Sample]:
            for start in range(first, first + num_samples, WINDOW):
                indices = range(start, min(start + WINDOW, first + num_samples))
                drawn = {index: sizes.draw(seed, index) for index in indices}
                yield from self._window(drawn, seed, go, len(grid) - 1, batch_size, with_states, on_step)

        return windows()

    def _window(
        self,
        sizes: dict[int, int],
        seed: int,
        go: Callable[..., State],
        num_steps: int,
        batch_size: int | None,
        with_states: bool,
        on_step: Callable[[int], None] | None,
    ) -> Iterator[Sample]:
        done: dict[int, Sample] = {}
        waiting = iter(sizes)
        following = next(waiting, None)
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1

        def work(batch: tuple[int, list[int]], stop: Event) -> tuple[State, list[tuple[float, State]]]:
            states: list[tuple[float, State]] = []

            def tap(step: int, time: float, state: State, x0_hat: Prediction) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                if with_states:
                    states.append((time, shown(state, x0_hat).to("cpu")))
                if on_step is not None:
                    on_step(len(batch[1]))

            return self._draw(*batch, seed, partial(go, tap=tap)), states

        try:
            for (_, indices), (state, states) in side_by_side(
                work, self._batches(sizes, batch_size), num_threads=threads
            ):
                for row, index in enumerate(indices):
                    told = {"seed": seed, "index": index, "num_steps": num_steps}
                    done[index] = self._sample(state, row, told, states)
                while following in done:
                    yield done.pop(following)
                    following = next(waiting, None)
        except KeyboardInterrupt:
            yield from (done[index] for index in sorted(done))
            raise

    def _batches(self, sizes: dict[int, int], batch_size: int | None) -> list[tuple[int, list[int]]]:
        """Indices of equal size, in batches, the batch with the lowest index first."""
        groups: dict[int, list[int]] = {}
        for index, n in sizes.items():
            groups.setdefault(n, []).append(index)
        batches = []
        for n, indices in groups.items():
            most, unit = self._rows(n)
            most = min(most, batch_size or most)
            count = -(-len(indices) // most)
            each = min(most, -(-len(indices) // (count * unit)) * unit)  # equal shares
            batches += [(n, indices[i : i + each]) for i in range(0, len(indices), each)]
        return sorted(batches, key=lambda batch: batch[1][0])

    def _rows(self, n: int) -> tuple[int, int]:
        """Most rows of a batch, and the unit that its rows are filled up to, so that no bits depend on the batch.

        Kernels are chosen by shape, and add up in another order in another shape. In bf16 on the CPU all multiples of
        8 rows were found to agree; elsewhere every batch of a size has one shape, on the CPU the least that is fast.
        """
        if self.device.type == "cuda":
            rows = max(1, PAIRS_GPU // n**2)
            return rows, rows
        most = max(1, PAIRS_CPU // n**2)
        if use_bf16("auto", self.device):
            return max(ROWS_BF16, most // ROWS_BF16 * ROWS_BF16), ROWS_BF16
        rows = min(ROWS_FLOAT32, most)
        return rows, rows

    def _draw(self, n: int, indices: Sequence[int], seed: int, go: Callable[..., State]) -> State:
        """One batch of exactly one size; rows beyond the indices repeat the last and are dropped."""
        _, unit = self._rows(n)
        rows = -(-len(indices) // unit) * unit
        filled = [*indices, *[indices[-1]] * (rows - len(indices))]
        known = Known.nothing(torch.ones(rows, n, dtype=torch.bool, device=self.device))
        generator = SampleRandomness(seed, filled, torch.full((rows,), n), device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16("auto", self.device)):
            state = go(known, generator=generator)
        return state.to("cpu")

    def _sample(self, state: State, row: int, told: dict[str, int], states: list[tuple[float, State]]) -> Sample:
        try:
            molecule = self._molecule(state, row, told)
            walked = tuple(self._molecule(past, row, {**told, "time": round(time, 6)}) for time, past in states)
        except MoleculeError as error:  # only the coordinates can be at fault
            return Sample(told["index"], Failure("coordinates", str(error)), None)
        return Sample(told["index"], check(molecule), molecule, walked)

    def _molecule(self, state: State, row: int, told: Mapping[str, float | int]) -> Molecule:
        elements, charges = self.bundle.vocabulary.decode(state.atom[row].numpy())
        return Molecule(
            elements, charges, state.pos[row].numpy().astype(np.float64), state.bond[row].numpy(),
            name=f"moldiff-{told['seed']}-{told['index']}", properties=told,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Sizes:
    """Numbers of atoms to choose from, and how often each."""

    values: Int[np.ndarray, "s"]
    cumulative: Float[np.ndarray, "s"]

    @classmethod
    def of(cls, bundle: Bundle, num_atoms: NumAtoms, *, allow_extrapolation: bool) -> "_Sizes":
        """The data's histogram within the bounds; even where it has nothing there, or beyond the trained range."""
        counts = bundle.statistics.sizes
        least, greatest = min(counts), max(counts)
        low, high = (
            (least, greatest)
            if num_atoms is None
            else (num_atoms, num_atoms)
            if isinstance(num_atoms, int)
            else num_atoms
        )
        asked = f"num_atoms {low}" if low == high else f"num_atoms {low}-{high}"
        if not 1 <= low <= high <= MAX_ATOMS:
            raise SizeError(f"{asked}: expected one size or least-greatest, within 1 to {MAX_ATOMS}")
        beyond = low < least or high > greatest
        if beyond:
            told = f"{asked}: the weights were trained on {least} to {greatest} atoms"
            if not allow_extrapolation:
                raise SizeError(f"{told}; stay within, or allow extrapolation and expect fewer valid molecules")
            warnings.warn(f"{told}; expect fewer valid molecules beyond", stacklevel=3)
        values = np.arange(low, high + 1)
        weights = np.array([counts.get(int(value), 0) for value in values], dtype=np.float64)
        if beyond or not weights.any():
            weights = np.ones(len(values))
        return cls(values, np.cumsum(weights / weights.sum()))

    def draw(self, seed: int, index: int) -> int:
        """The size of one molecule, from a stream of its own."""
        uniform = torch.rand((), dtype=torch.float64, generator=sample_generator(seed, index, stream=1))
        place = np.searchsorted(self.cumulative, float(uniform), side="right")
        return int(self.values[min(int(place), len(self.values) - 1)])
