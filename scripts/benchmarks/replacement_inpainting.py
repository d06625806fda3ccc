"""The replacement trick on the same weights: what is known is noised as the rest is, and put in place at every step.

For the fragments of `evaluate_tasks.py` beside it, with the same NFE:
python scripts/benchmarks/replacement_inpainting.py
"""

from collections import Counter
from typing import Annotated, cast

import numpy as np
import torch
import typer
from task_fragments import fragments_of, outer_atoms, scaffold_atoms

from moldiff.build import build_grid, build_solvers, build_time_exponents
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import check
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import Randomness, SampleRandomness
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.runtime.precision import use_bf16
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.sampler import sample_trajectory
from moldiff.state import State, TimeExponents, Times
from moldiff.tasks.defaults import GROWTH
from moldiff.tasks.fragments import add_atoms
from moldiff.tasks.partial_molecule import PartialMolecule

ROWS = 64  # in a batch


class Replaced:
    """In the place of `KnownValues`: all elements have one time; given values are put in, noised to that time.

    Given coordinates are moved to the centre of the sampled ones; at the end they are where they were.
    """

    def __init__(self, known: KnownValues, process: JointProcess, generator: Randomness) -> None:
        self.known, self.values, self.process, self.generator = known, known.values, process, generator
        self.now: Times | None = None

    def times(self, t: float, time_exponents: TimeExponents = TimeExponents()) -> Times:  # noqa: B008 - frozen
        """One time for all."""
        b, n = self.known.pos.shape
        shared = Times.shared(torch.full((b,), t), n, time_exponents)
        self.now = shared if t < 1 else None
        return shared

    def imposed(self, state: State) -> State:
        """The state with given values in place."""
        if self.now is None:
            return state
        known, noisy = self.known, self.process.noise(self.values, self.now, generator=self.generator)
        count = known.pos.sum(1)[:, None, None]
        centres = [(each.pos * known.pos[..., None]).sum(1, keepdim=True) / count for each in (state, noisy)]
        shift = centres[0] - centres[1]
        pos = torch.where(known.pos[..., None], noisy.pos + shift, state.pos)
        return State(
            pos - (pos.mean(1, keepdim=True) if bool(self.now.pos.any()) else shift),
            torch.where(known.atom, noisy.atom, state.atom),
            torch.where(known.bond, noisy.bond, state.bond),
            state.mask,
        )


def main(
    num_scaffolds: Annotated[int, typer.Option(help="As in scripts/benchmarks/evaluate_tasks.py.")] = 500,
    num_pairs: Annotated[int, typer.Option(help="As in scripts/benchmarks/evaluate_tasks.py.")] = 200,
) -> None:
    """Counts of valid molecules with the fragment unchanged, sizes as in the data."""
    torch.set_num_threads(1)
    model, store = MoleculeGenerator.from_pretrained("qm9"), MoleculeStore(find_store("qm9"))
    order = np.random.default_rng(0).permutation(store.split("test"))
    for name, atoms, count in (("decorate", scaffold_atoms, num_scaffolds), ("link", outer_atoms, num_pairs)):
        found = fragments_of((store.molecule(int(index)) for index in order), atoms, count)
        parts = [add_atoms(fragment, added) for fragment, added in found]
        results: list[Sample] = []
        for n in sorted({len(part.molecule) for part in parts}):
            of_size = [part for part in parts if len(part.molecule) == n]
            for start in range(0, len(of_size), ROWS):
                batch = of_size[start : start + ROWS]
                results += [part.restore(s) for part, s in zip(batch, sample_parts(model, batch), strict=True)]
        reasons = Counter(s.result.reason for s in results if isinstance(s.result, Failure))
        print(name, f"{sum(s.valid for s in results)} of {len(results)}", dict(reasons), flush=True)


def sample_parts(model: MoleculeGenerator, parts: list[PartialMolecule]) -> list[Sample]:
    """One batch of one size."""
    how, process = model.bundle.sampler, model.denoiser.process
    known = KnownValues.stack([part.known(model.bundle.vocabulary) for part in parts])
    b, n = known.pos.shape
    generator = SampleRandomness(0, list(range(b)), torch.full((b,), n))
    replaced = cast(KnownValues, Replaced(known, process, generator))
    with torch.autocast("cpu", torch.bfloat16, enabled=use_bf16("auto", torch.device("cpu"))):
        state = sample_trajectory(
            process,
            model.denoiser,
            build_solvers(how),
            build_grid(how, process.pos.schedule, GROWTH.num_steps),
            replaced,
            generator=generator,
            time_exponents=build_time_exponents(how),
            churn=how.churn,
        )
    samples = []
    for row in range(b):
        elements, charges = model.bundle.vocabulary.decode(state.atom[row].numpy())
        molecule = Molecule(elements, charges, state.pos[row].double().numpy(), state.bond[row].numpy())
        samples.append(Sample(row, check(molecule), molecule))
    return samples


if __name__ == "__main__":
    typer.run(main)
