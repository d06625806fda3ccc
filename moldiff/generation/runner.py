"""Trajectories in batches of molecules of one size, in threads; samples in the order of their index."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import torch
from torch import Tensor

from moldiff.build import build_grid, build_solvers, build_time_exponents
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.valence import bonding_table
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.conditions.condition import Value
from moldiff.data.batching import in_batches, pad_rows
from moldiff.data.decoding import molecule_of
from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.random import SampleRandomness
from moldiff.errors import ConfigError, MoleculeError
from moldiff.generation.conditioning import Conditioning, favour_molecules, keep_denoiser
from moldiff.generation.options import SamplingOptions
from moldiff.generation.particles import Particles, ParticleSampling
from moldiff.generation.sample import Sample
from moldiff.generation.sampled_batch import SampledBatch
from moldiff.generation.sizes import Size, hydrogens_of
from moldiff.generation.target_report import TARGET
from moldiff.pretrained.bundle import Bundle
from moldiff.runtime.precision import find_precision, use_bf16
from moldiff.runtime.threads import side_by_side
from moldiff.sampling.constraints import GivenHydrogens, OnlyPossible
from moldiff.sampling.discrete.kekule_forms import WithKekuleForms
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.resampling import Select, index_rows
from moldiff.sampling.sampler import StepCallback, fill_masked, sample_trajectory
from moldiff.state import NOT_GIVEN, Prediction, State

KnownValuesOf = Callable[[int, Sequence[int]], KnownValues]  # from a size and the indices of that size, a row each
TargetsOf = Callable[[int], Mapping[str, Value]]  # values that a molecule shall have, by its index


def no_targets(index: int) -> Mapping[str, Value]:
    """This molecule has no targets."""
    del index
    return {}


@dataclass(frozen=True)
class Runner:
    """The trajectories of one call of a generator.

    Attributes:
        denoiser: on the device.
        vocabulary: of its atom classes.
        device: to compute on.
        run: the sampler, with all that the molecules of the call share.
        num_steps: of a trajectory.
        seed: random seed.
        options: batch size, trajectories to keep, callback.
        precision: to compute in, as of `moldiff.runtime.precision`.
        conditioning: the denoiser of given molecules.
        constrain: that denoiser with what all molecules have in common.
        targets: of a molecule, for its record.
        particles: several trajectories compete for each molecule.
        unfold: puts hydrogens into clean molecules where they are latent.
        latent_width: components of the latent of an atom.
        hydrogens_until: where their number is given, the time until which sampling is held to it; at 0 another number
            is a failure.
    """

    denoiser: Denoiser
    vocabulary: Vocabulary
    device: torch.device
    run: Callable[..., State]
    num_steps: int
    seed: int
    options: SamplingOptions
    precision: str
    conditioning: Conditioning
    constrain: Callable[[Denoiser], Denoiser]
    targets: TargetsOf
    particles: ParticleSampling | None
    unfold: Callable[[State], State]
    latent_width: int
    hydrogens_until: float

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        device: torch.device,
        precision: str,
        *,
        seed: int,
        num_steps: int | None,
        options: SamplingOptions,
        conditioning: Conditioning = keep_denoiser,
        particles: ParticleSampling | None = None,
        targets: TargetsOf = no_targets,
        hydrogens_until: float = 0.0,
    ) -> "Runner":
        """With the sampler of a bundle.

        Args:
            bundle: whose denoiser is on the device.
            device: as in the attributes.
            precision: as in the attributes.
            seed: as in the attributes.
            num_steps: network evaluations; by default as the sampler says.
            options: as in the attributes, and what they change of the sampler.
            conditioning: as in the attributes.
            particles: as in the attributes.
            targets: as in the attributes.
            hydrogens_until: as in the attributes.

        Returns:
            The runner.

        Raises:
            ConfigError: if the seed is negative, or settings of the sampler do not fit together.
        """
        if seed < 0:
            raise ConfigError(f"seed {seed}: must be at least 0")
        sampler, process = options.sampler_for(bundle.sampler), bundle.denoiser.process
        continuous, discrete = options.solver_objects()
        solvers = build_solvers(sampler, continuous=continuous, discrete=discrete)
        bonding = bonding_table(bundle.vocabulary, aromatic=bundle.config.aromatic)
        own = solvers.classes if discrete is None and bundle.config.process.prior != "absorbing" else None
        if sampler.valence and bundle.config.aromatic and isinstance(own, MixturePosterior):
            solvers = replace(solvers, classes=WithKekuleForms(own, bonding, sampler.valence_time))
        grid = build_grid(sampler, process.pos.schedule, num_steps, solver=solvers.pos)
        run = partial(
            sample_trajectory,
            process,
            solvers=solvers,
            grid=grid,
            time_exponents=build_time_exponents(sampler),
            churn=sampler.churn,
        )
        return cls(
            bundle.denoiser,
            bundle.vocabulary,
            device,
            run,
            len(grid) - 1,
            seed,
            options,
            precision,
            conditioning,
            partial(favour_molecules, sampler=sampler, bonding=torch.from_numpy(bonding.any(-1)).to(device)),
            targets,
            particles,
            bundle.denoiser.unfold,
            process.latent_width,
            hydrogens_until,
        )

    def window(self, sizes: dict[int, Size], known: KnownValuesOf | None = None) -> Iterator[Sample]:
        """Samples in the order of `sizes`, as they are done.

        Args:
            sizes: of each index.
            known: what is known of the molecules of a number of atoms; by default nothing but the sizes.

        Yields:
            Sample: in order; when the work is interrupted, those that are done, before the interrupt.
        """
        done: dict[int, Sample] = {}
        waiting = iter(sizes)
        following = next(waiting, None)
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1

        def work(batch: tuple[int, list[int]], stop: Event) -> SampledBatch:
            states: list[tuple[float, State]] = []
            last: list[Prediction] = []
            particles = (
                None if self.particles is None else Particles(self.particles, self.vocabulary, batch[1], self.unfold)
            )

            def callback(step: int, time: float, state: State, x0_hat: Prediction) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                last[:] = [x0_hat]
                if self.options.trajectories:
                    states.append((time, self.unfold(fill_masked(state, x0_hat)).to("cpu")))
                if self.options.on_step is not None:
                    self.options.on_step(len(batch[1]))

            def select(step: int, time: float, state: State, x0_hat: Prediction) -> Tensor | None:
                rows = None if particles is None else particles.rows(step, time, state, x0_hat)
                if rows is not None:
                    states[:] = [index_rows(past, rows) for past in states]
                return rows

            state = self._draw(*batch, known or partial(self._only_size, sizes), callback, select)
            of_atoms, of_bonds = (
                logits.float().softmax(-1).to("cpu").gather(-1, classes[..., None])[..., 0]
                for logits, classes in ((last[0].atom, state.atom), (last[0].bond, state.bond))
            )
            drawn = SampledBatch(state, of_atoms, of_bonds, tuple(states))
            return drawn if particles is None else index_rows(drawn, particles.best(state))

        try:
            for (_, indices), drawn in side_by_side(
                work,
                in_batches(
                    {index: size.num_atoms for index, size in sizes.items()},
                    self.options.batch_size,
                    self.device,
                    copies=self._num_particles,
                    precision=self.precision,
                ),
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
    def _num_particles(self) -> int:
        """For each molecule."""
        return 1 if self.particles is None else self.particles.num_particles

    def _draw(
        self, n: int, indices: Sequence[int], known: KnownValuesOf, callback: StepCallback, select: Select
    ) -> State:
        """One batch of exactly one size, the particles of each index side by side; rows beyond them are padding."""
        particles = [index for index in indices for _ in range(self._num_particles)]
        rows = pad_rows(particles, n, self.device, self.precision)
        given = known(n, rows).to(self.device)
        denoiser = self.conditioning(self.denoiser, rows)
        if given.possible is not None:
            denoiser = OnlyPossible(denoiser, given.possible)
        if given.values.num_hydrogens is not None and self.latent_width:
            hydrogens = torch.from_numpy(self.vocabulary.hydrogens).to(self.device)
            denoiser = GivenHydrogens(denoiser, hydrogens, self.hydrogens_until)
        denoiser = self.constrain(denoiser)
        numbers = [place % self._num_particles for place in range(len(rows))]
        sizes = torch.full((len(rows),), n)
        generator = SampleRandomness(self.seed, rows, sizes, device=self.device, particles=numbers)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16(self.precision, self.device)):
            state = self.run(denoiser=denoiser, known=given, generator=generator, callback=callback, select=select)
        return self.unfold(state).to("cpu")

    def _only_size(self, sizes: Mapping[int, Size], n: int, indices: Sequence[int]) -> KnownValues:
        """Only their size is known of these molecules."""
        mask = torch.ones(len(indices), n, dtype=torch.bool)
        return KnownValues.nothing(mask, self.latent_width, num_hydrogens=hydrogens_of([sizes[i] for i in indices]))

    def _sample(self, drawn: "SampledBatch", row: int, index: int) -> Sample:
        properties: dict[str, Value] = {"seed": self.seed, "index": index, "num_steps": self.num_steps}
        properties["precision"] = find_precision(self.precision, self.device)
        properties |= {f"{TARGET}{name}": value for name, value in self.targets(index).items()}
        try:
            molecule = self._molecule(drawn.state, row, properties)
            states = tuple(
                self._molecule(past, row, {**properties, "time": round(time, 6)}) for time, past in drawn.states
            )
        except MoleculeError as error:  # only the coordinates can be at fault
            return Sample(index, Failure("coordinates", str(error)), None)
        result = self._breach(drawn.state, row) or check(molecule)
        return Sample(index, result, molecule, states, drawn.confidence(row, self.vocabulary))

    def _breach(self, state: State, row: int) -> Failure | None:
        """Where another number of hydrogens came than was promised."""
        wanted = NOT_GIVEN if state.num_hydrogens is None else int(state.num_hydrogens[row])
        if self.hydrogens_until or wanted == NOT_GIVEN:
            return None
        came = int(self.vocabulary.hydrogens[state.atom[row].numpy()].sum())
        return None if came == wanted else Failure("changed", f"{came} hydrogens, where {wanted} belong")

    def _molecule(self, state: State, row: int, properties: Mapping[str, Value]) -> Molecule:
        name = f"moldiff-{properties['seed']}-{properties['index']}"
        return molecule_of(state, row, self.vocabulary, name=name, properties=properties)
