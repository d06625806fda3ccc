"""Walks side by side: batches of molecules of one size, in threads; samples in the order of their numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.conditions.condition import Value
from moldiff.data.batching import filled, in_batches
from moldiff.data.decoding import molecule_of
from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.random import SampleRandomness
from moldiff.errors import MoleculeError
from moldiff.generation.particles import Particles, ParticleSampling
from moldiff.generation.sample import Sample
from moldiff.runtime.precision import find_precision, use_bf16
from moldiff.runtime.threads import side_by_side
from moldiff.sampling.constraints import OnlyPossible
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.resampling import Select, taken
from moldiff.sampling.sampler import StepCallback, shown
from moldiff.state import Prediction, State

KnownValuesOf = Callable[[int, Sequence[int]], KnownValues]  # from a size and the indices of that size, a row each
Conditioning = Callable[
    [Denoiser, Sequence[int]], Denoiser
]  # what a denoiser becomes for the molecules of these indices


def nothing(n: int, indices: Sequence[int]) -> KnownValues:
    """Only their size is known of these molecules."""
    return KnownValues.nothing(torch.ones(len(indices), n, dtype=torch.bool))


def unconditioned(denoiser: Denoiser, indices: Sequence[int]) -> Denoiser:
    """The denoiser heeds nothing."""
    del indices
    return denoiser


def nothing_asked(index: int) -> Mapping[str, Value]:
    """Nothing is asked of this molecule."""
    del index
    return {}


@dataclass(frozen=True)
class Runner:
    """The walks of one call of a generator.

    Attributes:
        denoiser: on the device.
        vocabulary: of its atom classes.
        device: to compute on.
        go: the walk, of all that the molecules of the call share.
        num_steps: of a walk.
        seed: of all randomness.
        batch_size: most molecules at once.
        precision: to compute in, as of `moldiff.runtime.precision`.
        heeding: what the denoiser becomes for molecules that something is asked of.
        asked: what is asked of a molecule, for its record.
        selection: several walks compete for each molecule.
        with_states: keep the states of the walks.
        on_step: called after each evaluation with the number of molecules that it was for.
    """

    denoiser: Denoiser
    vocabulary: Vocabulary
    device: torch.device
    go: Callable[..., State]
    num_steps: int
    seed: int
    batch_size: int | None
    precision: str = "auto"
    conditioning: Conditioning = unconditioned
    asked: Callable[[int], Mapping[str, Value]] = nothing_asked
    selection: ParticleSampling | None = None
    with_states: bool = False
    on_step: Callable[[int], None] | None = None

    def window(self, sizes: dict[int, int], known: KnownValuesOf = nothing) -> Iterator[Sample]:
        """Samples in the order of `sizes`, as they are done.

        Args:
            sizes: number of atoms of each index.
            known: what is known of the molecules of a size.

        Yields:
            Sample: in order; when the work is interrupted, those that are done, before the interrupt.
        """
        done: dict[int, Sample] = {}
        waiting = iter(sizes)
        following = next(waiting, None)
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1

        def work(batch: tuple[int, list[int]], stop: Event) -> _Drawn:
            states: list[tuple[float, State]] = []
            last: list[Prediction] = []
            particles = None if self.selection is None else Particles(self.selection, self.vocabulary, batch[1])

            def callback(step: int, time: float, state: State, x0_hat: Prediction) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                last[:] = [x0_hat]
                if self.with_states:
                    states.append((time, shown(state, x0_hat).to("cpu")))
                if self.on_step is not None:
                    self.on_step(len(batch[1]))

            def select(step: int, time: float, state: State, x0_hat: Prediction) -> Tensor | None:
                rows = None if particles is None else particles.rows(step, time, state, x0_hat)
                if rows is not None:
                    states[:] = [taken(past, rows) for past in states]
                return rows

            state = self._draw(*batch, known, callback, select)
            sure = last[0].bond.float().softmax(-1).to("cpu").gather(-1, state.bond[..., None])[..., 0]
            drawn = _Drawn(state, sure, tuple(states))
            return drawn if particles is None else taken(drawn, particles.best(state))

        try:
            for (_, indices), drawn in side_by_side(
                work,
                in_batches(sizes, self.batch_size, self.device, copies=self._walks, precision=self.precision),
                num_threads=threads,
            ):
                for row, index in enumerate(indices):
                    done[index] = self._sample(drawn, row, index)
                while following in done:
                    yield done.pop(following)
                    following = next(waiting, None)
        except KeyboardInterrupt:
            yield from (done[index] for index in sorted(done))
            raise

    @property
    def _walks(self) -> int:
        """For each molecule."""
        return 1 if self.selection is None else self.selection.num_particles

    def _draw(
        self, n: int, indices: Sequence[int], known: KnownValuesOf, callback: StepCallback, select: Select
    ) -> State:
        """One batch of exactly one size, the walks of each index side by side; rows beyond them are of no use."""
        rows = filled([index for index in indices for _ in range(self._walks)], n, self.device, self.precision)
        given = known(n, rows).to(self.device)
        denoiser = self.conditioning(self.denoiser, rows)
        if given.possible is not None:
            denoiser = OnlyPossible(denoiser, given.possible)
        walks = [place % self._walks for place in range(len(rows))]
        generator = SampleRandomness(self.seed, rows, torch.full((len(rows),), n), device=self.device, walks=walks)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16(self.precision, self.device)):
            return self.go(denoiser=denoiser, known=given, generator=generator, callback=callback, select=select).to(
                "cpu"
            )

    def _sample(self, drawn: "_Drawn", row: int, index: int) -> Sample:
        told: dict[str, Value] = {"seed": self.seed, "index": index, "num_steps": self.num_steps}
        told["precision"] = find_precision(self.precision, self.device)
        told |= {f"asked_{name}": value for name, value in self.asked(index).items()}
        try:
            molecule = self._molecule(drawn.state, row, told)
            walked = tuple(self._molecule(past, row, {**told, "time": round(time, 6)}) for time, past in drawn.states)
        except MoleculeError as error:  # only the coordinates can be at fault
            return Sample(index, Failure("coordinates", str(error)), None)
        return Sample(index, check(molecule), molecule, walked, drawn.confidence[row].numpy())

    def _molecule(self, state: State, row: int, told: Mapping[str, Value]) -> Molecule:
        name = f"moldiff-{told['seed']}-{told['index']}"
        return molecule_of(state, row, self.vocabulary, name=name, properties=told)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One batch at the end of its walk; `Sample` has the meaning of each."""

    state: State
    confidence: Float[Tensor, "b n n"]
    states: tuple[tuple[float, State], ...]
