"""What the program computes for fixed seeds; the only file of this gate that calls moldiff.

python tests/end_to_end/unchanged_results.py            compares, as the test does, and prints the time of each case
python tests/end_to_end/unchanged_results.py --write    records all anew, where what is computed was changed on purpose
python tests/end_to_end/unchanged_results.py --add      records the bytes of this kind of processor beside the others,
                                                        if its molecules and numbers agree with what is there
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import golden
import numpy as np
import torch
from golden import Results, digest, joined, of_molecules
from unchanged_inputs import SEED, generator, random_weights, sample_molecules
from unchanged_training import distillation_step, predictor_step, training_step

from moldiff.chem.formula import parse_formula
from moldiff.chem.fragments import part_of
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.scaffold import scaffold_of
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.stereo import graph_of
from moldiff.chem.validity import canonical_smiles
from moldiff.config.sampler import SamplerConfig
from moldiff.generation.options import SamplingOptions
from moldiff.generation.rewards import DescriptorReward, PropertyReward
from moldiff.generation.targets import Request
from moldiff.pretrained.property_predictor import PropertyPredictor
from moldiff.tasks.bond_sampling import sample_bonds
from moldiff.tasks.conformers import sample_conformers
from moldiff.tasks.fragments import Fragment, grow
from moldiff.tasks.isomers import sample_isomers
from moldiff.tasks.scaffolds import locate, open_scaffold
from moldiff.tasks.shape import sample_shapes

# ---- molecules


def results_of(samples: Iterable) -> Results:
    """Of samples, valid or not."""
    rows = []
    for sample in samples:
        failed, m = isinstance(sample.result, Failure), sample.molecule
        outcome = sample.result.reason if failed else canonical_smiles(sample.result, stereo=True)
        rows.append((outcome, None if m is None else (m.elements, m.charges, m.bond, m.pos)))
    return of_molecules(rows)


def draw(
    name: str, num_samples: int, *, seed: int = SEED, changes: dict | None = None, more: dict | None = None, **request
) -> Results:
    chosen = generator(name)
    sampler = SamplerConfig.parse({**chosen.bundle.sampler.model_dump(), **(changes or {})}, source="the gate")
    return results_of(
        chosen.stream(num_samples, seed=seed, options=SamplingOptions(sampler=sampler, **(more or {})), **request)
    )


def solvers(*, seed: int = SEED) -> Results:
    """Every solver of coordinates and classes, every grid, and fresh noise on the way; four molecules each."""
    few = {"num_samples": 4, "num_atoms": 13, "seed": seed}
    ways = [
        {"solver": "ddim", "eta": 0.5, "grid": "log"},
        {"solver": "heun", "grid": "log_snr", "resample": 0.5, "temperature": 0.7},
        {"churn": 0.3, "top_p": 0.9, "grid": (1.0, 0.6, 0.3, 0.1, 0.0), "num_steps": 4},
        {"classes": "leaping", "corrector_rate": 0.5, "connectivity": 1.0, "grid_focus": 0.0, "grid_end": 0.0},
    ]
    drawn = [draw("qm9", changes={"num_steps": 5, **way}, **few) for way in ways]
    masked = {"classes": "unmasking", "gumbel_noise": 0.5, "temperature": 0.7}
    drawn.append(draw(str(random_weights("absorbing")), changes=masked, num_steps=5, **few))
    drawn.append(draw(str(random_weights("uniform")), num_steps=5, **few))
    return joined(drawn)


def conditions(*, seed: int = SEED) -> Results:
    """Conditions with and without guidance; the network is random, so that molecules are rarely valid."""
    chosen = generator(str(random_weights()))
    few = {"num_samples": 3, "num_steps": 4, "num_atoms": 12, "seed": seed}
    target = {"gap": 6.5, "rings": "1"}
    requests = [Request(10 + i % 2, {"gap": 6 + 0.2 * i} if i % 2 else {"rings": "2"}) for i in range(4)]
    return joined(
        [
            results_of(chosen.stream(**few)),
            results_of(chosen.stream(**few, target=target)),
            results_of(
                chosen.stream(**few, target=target, guidance=3.0, options=SamplingOptions(guidance_interval=(0.1, 0.8)))
            ),
            results_of(chosen.stream(**few, target=target, guidance={"gap": 2.0, "rings": 0.0})),
            results_of(chosen.stream(3, num_steps=1, seed=seed, target=target)),  # sizes follow the conditions
            results_of(chosen.answer(requests, guidance={"gap": 2.0}, num_steps=4, seed=seed)),
        ]
    )


def flat(pos: torch.Tensor, atom: torch.Tensor, bond: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A differentiable function for gradient guidance: flat molecules, rich in the fourth atom class."""
    return (atom[..., 3] * mask).sum(1) - pos[..., 2].square().sum(1) + 0 * bond.sum((1, 2, 3))


def gradient_guidance(*, seed: int = SEED) -> Results:
    return draw(
        "qm9",
        4,
        num_steps=8,
        num_atoms=14,
        seed=seed,
        gradient_guidance=flat,
        gradient_scale=2.0,
        more={"guidance_interval": (0.0, 0.9)},
    )


def particles(*, seed: int = SEED) -> Results:
    reward = DescriptorReward({"logp": 2.0, "rings": 2.0})
    return joined(
        [
            draw("qm9", 3, num_steps=10, num_atoms=15, seed=seed, reward=reward, num_particles=4),
            draw(
                "qm9",
                3,
                num_steps=8,
                num_atoms=15,
                seed=seed,
                reward=reward,
                num_particles=2,
                more={"resample_every": 1, "resample_until": 0.0},
            ),
        ]
    )


# ---- tasks


def graph(smiles: str):
    return graph_of(record_of_smiles(smiles))


def bare(molecule: Molecule) -> Molecule:
    return replace(molecule, bond=0 * molecule.bond, charges=0 * molecule.charges, properties={})


def decorate(*, seed: int = SEED) -> Results:
    scaffold = scaffold_of(record_of_smiles("*c1ccco1", stars=True))
    fragment = open_scaffold(scaffold, locate(generator("qm9"), scaffold, seed=seed))
    return results_of(grow(generator("qm9"), [fragment], num_each=2, num_added=(3, 7), num_steps=10, seed=seed))


def link(*, seed: int = SEED) -> Results:
    (ether,) = sample_conformers(generator("qm9"), [graph("CCOCC")], seed=seed, num_steps=10)
    oxygen = int(np.flatnonzero(ether.molecule.elements == 8)[0])
    kept = np.delete(np.arange(len(ether.molecule)), oxygen)
    pieces = Fragment(part_of(ether.molecule, kept), (ether.molecule.bond[oxygen] > 0)[kept])
    return results_of(grow(generator("qm9"), [pieces], num_each=2, num_added=(1, 4), num_steps=10, seed=seed))


def draw_isomers(*, seed: int = SEED) -> Results:
    return results_of(sample_isomers(generator("qm9"), [parse_formula("C5H8O2")] * 2, num_steps=20, seed=seed))


def draw_conformers(*, seed: int = SEED) -> Results:
    graphs = [graph("C[C@H](O)C#N"), graph("C/C=C\\C")]
    return results_of(sample_conformers(generator("qm9"), graphs, num_steps=10, seed=seed))


def perceive(*, seed: int = SEED) -> Results:
    """The last is a zwitterion of QM9, if the sample has one: the second attempt draws charges."""
    given = [bare(m) for m in [*sample_molecules()[60:63], *(m for m in sample_molecules() if m.charges.any())][:4]]
    samples = list(sample_bonds(generator("qm9"), given, num_steps=4, seed=seed))
    found = results_of(samples)
    confidence = [b"" if s.confidence is None else s.confidence.astype(np.float32).tobytes() for s in samples]
    return replace(found, digest=digest([found.digest.encode(), *confidence]))


def draw_reshaped(*, seed: int = SEED) -> Results:
    shapes = [bare(m) for m in sample_molecules()[60:62]]
    return results_of(sample_shapes(generator("qm9"), shapes, num_steps=10, seed=seed))


# ---- numbers


def predict(name: str, count: int) -> Results:
    """In standard deviations; computed in bf16 where the processor has it, hence the tolerance."""
    chosen = PropertyPredictor.from_pretrained(name)
    values = chosen.predict(sample_molecules()[60 : 60 + count])
    labels = (values - [t.mean for t in chosen.targets]) / [t.std for t in chosen.targets]
    assert np.isfinite(labels).all()
    return Results(digest([values.tobytes()]), numbers=labels.round(4).flatten().tolist(), tolerance=0.05)


def rewards() -> Results:
    """Descriptors that RDKit computes, and predicted properties."""
    molecules, predictor = sample_molecules()[60:80], PropertyPredictor.from_pretrained("qm9-properties")
    wanted = [0.5 if place % 2 else float("nan") for place in range(len(predictor.targets))]
    both = DescriptorReward({"logp": 1.0, "qed": 0.5}), PropertyReward(predictor, wanted)
    values = np.concatenate([reward(molecules, range(len(molecules))) for reward in both])
    return Results(digest([values.tobytes()]), numbers=values.round(4).tolist(), tolerance=0.1)


CASES: dict[str, Callable[..., Results]] = {
    "qm9": lambda: draw("qm9", 100, num_steps=6),
    "qm9-fast": lambda: draw("qm9-fast", 100, num_atoms=(16, 19)),
    "druglike": lambda: draw("druglike", 100, num_steps=8, num_atoms=(22, 25)),
    "qm9-properties": lambda: predict("qm9-properties", 100),
    "predictor inside qm9": lambda: predict("qm9", 20),
    "solvers": solvers,
    "conditions": conditions,
    "gradient guidance": gradient_guidance,
    "particles": particles,
    "rewards": rewards,
    "decorate": decorate,
    "link": link,
    "isomers": draw_isomers,
    "conformers": draw_conformers,
    "perceive bonds": perceive,
    "reshape": draw_reshaped,
    "training step": training_step,
    "training step of a predictor": predictor_step,
    "training step of a student": distillation_step,
}


if __name__ == "__main__":
    raise SystemExit(golden.main(CASES))
