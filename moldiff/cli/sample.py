"""`moldiff sample`."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from moldiff.cli._options import (
    DEFAULT,
    AllowExtrapolation,
    BatchSize,
    Device,
    Devices,
    First,
    GuidanceWeights,
    Interval,
    Network,
    NumAtomsText,
    NumHeavyAtomsText,
    NumNodes,
    NumParticles,
    NumSteps,
    Out,
    Overwrite,
    Precision,
    Preset,
    RewardModelOption,
    SamplerSet,
    TargetsOption,
    Trajectory,
    ValidOnly,
    Weights,
)
from moldiff.cli._parsing import change_sampler, parse_num_atoms, times_or_name
from moldiff.cli._sampling import Order, carry_out, carry_out_together, load
from moldiff.cli._targets import parse_guidance, parse_interval, parse_targets

Seed = Annotated[int, Option(min=0, help="Random seed. Seed, index and precision reproduce a molecule.")]
Reference = Annotated[list[Path] | None, Option(help="Known molecules for novelty: .sdf, .smi or .csv; repeatable.")]
Solver = Annotated[
    Literal["multistep", "ddim", "heun"] | None, Option("--solver", help=f"Of the coordinates.{DEFAULT}")
]


Grid = Annotated[
    str | None, Option(help=f"power, log, log_snr, or the times themselves, such as 1,0.6,0.3,0.1,0.{DEFAULT}")
]
Threads = Annotated[
    int | None, Option(min=1, max=1024, help="CPU threads, each with molecules of its own. (default: one a core)")
]


def sample(
    out: Out,
    weights: Weights = "qm9",
    num_samples: Annotated[int, Option("--num-samples", "-n", min=1, help="Molecules to sample.")] = 100,
    preset: Preset = None,
    num_steps: NumSteps = None,
    seed: Seed = 0,
    first: First = 0,
    num_atoms: NumAtomsText = None,
    num_heavy_atoms: NumHeavyAtomsText = None,
    allow_extrapolation: AllowExtrapolation = False,
    valid_only: ValidOnly = False,
    overwrite: Overwrite = False,
    trajectory: Trajectory = None,
    reference: Reference = None,
    batch_size: BatchSize = None,
    solver: Solver = None,
    grid: Grid = None,
    temperature: Annotated[float | None, Option(help=f"Below 1 the likelier classes are preferred.{DEFAULT}")] = None,
    churn: Annotated[float | None, Option(help=f"Share of each step that fresh noise takes back.{DEFAULT}")] = None,
    network: Network = None,
    target: TargetsOption = None,
    guidance: GuidanceWeights = None,
    guidance_interval: Interval = "0-1",
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
    set_: SamplerSet = None,
    device: Device = None,
    precision: Precision = "auto",
    devices: Devices = 1,
    num_nodes: NumNodes = 1,
    num_threads: Threads = None,
) -> None:
    """Samples molecules, writes them as they come, and scores them.

    Every molecule is written, each with its seed, index, SMILES, and whether it is strictly valid or why not; the exit
    code is 3 if fewer were written than requested. Ctrl-C keeps what is done.

    Examples: moldiff sample --out molecules.sdf | moldiff sample -n 1000 --num-atoms 15-20 --valid-only --out x.sdf |
    moldiff sample --weights runs/gap/bundle --target gap=6.5eV --guidance 2 --out x.sdf |
    moldiff sample --target gap=6.5eV --reward-model runs/predictor/bundle --num-particles 8 --out x.sdf |
    moldiff sample --weights druglike --target logp=2 --target rings=3 --num-particles 8 --out x.sdf
    """
    from moldiff.generation.options import SamplingOptions

    generator = load(weights, device, num_threads, precision, network)
    own = dict(solver=solver, grid=times_or_name(grid), temperature=temperature, churn=churn)
    sampler = change_sampler(generator.bundle.sampler, set_, preset=preset, num_steps=num_steps, **own)
    options = SamplingOptions(
        sampler=sampler,
        first=first,
        batch_size=batch_size,
        allow_extrapolation=allow_extrapolation,
        num_heavy_atoms=parse_num_atoms(num_heavy_atoms, "--num-heavy-atoms"),
        trajectories=trajectory is not None,
        guidance_interval=parse_interval(guidance_interval),
    )
    targets = generator.resolve(
        parse_targets(target), num_particles=num_particles, reward_model=reward_model, options=options
    )
    request = dict(seed=seed, num_atoms=parse_num_atoms(num_atoms), target=targets, guidance=parse_guidance(guidance))
    order = Order(
        out, weights, num_samples, valid_only, overwrite, trajectory, reference, bool(target), options, request
    )
    several = partial(carry_out_together, devices=devices, num_nodes=num_nodes)
    if code := (carry_out if devices * num_nodes == 1 else several)(order, generator):
        raise typer.Exit(code)
