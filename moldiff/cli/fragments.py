"""`moldiff decorate` and `moldiff link`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from moldiff.cli._completion import check_usable, complete, particles_of
from moldiff.cli._options import (
    Device,
    Network,
    NumEach,
    NumParticles,
    NumThreads,
    Out,
    Overwrite,
    Precision,
    RewardModelOption,
    Seed,
    Steps,
    TargetsOption,
)
from moldiff.cli._parsing import parse_num_atoms
from moldiff.cli._refusals import Failures, Refusals
from moldiff.cli._routing import AUTO, AutoWeights, Extrapolate, make_router
from moldiff.errors import ConfigError
from moldiff.tasks.defaults import GROWTH

if TYPE_CHECKING:
    from moldiff.generation.particles import ParticleSampling
    from moldiff.generation.sizes import NumAtoms
    from moldiff.tasks.routing import Router
    from moldiff.tasks.sites import Sites


Attach = Annotated[
    str | None,
    Option(
        help="Atoms that get a new bond in the place of a hydrogen, counted from 1: 3, or 3,5; twice is two bonds. "
        "With the number of atoms to add at each, hydrogens included: 3:4-9,5:1-4. If the scaffold has stars, their "
        "labels."
    ),
]
Smarts = Annotated[str | None, Option(help="Or: all atoms that the first atom of this pattern matches, such as [CH2].")]
Add = Annotated[
    str | None, Option("--add", help="Atoms to add, with hydrogens: 5, or 3-8. (default: sizes as in the data)")
]
AddHydrogens = Annotated[
    bool, Option("--add-hydrogens", help="Add hydrogens with coordinates to a file that has not all of them.")
]
_SITE = re.compile(r"(\d{1,6})(?::(\d{1,4})(?:-(\d{1,4}))?)?")


def decorate(
    scaffold: Annotated[str, Argument(help="A SMILES, or a file: .sdf or .mol in 3D or drawn, .smi.")],
    out: Out,
    attach: Attach = None,
    smarts: Smarts = None,
    add: Add = None,
    add_hydrogens: AddHydrogens = False,
    num_each: NumEach = GROWTH.num_samples,
    weights: AutoWeights = AUTO,
    network: Network = None,
    num_steps: Steps = GROWTH.num_steps,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    target: TargetsOption = None,
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Samples substituents on a scaffold, whose atoms, bonds and coordinates stay; each site gets a heavy atom.

    A scaffold given as SMILES or as a drawing gets its coordinates from the same weights first (by ETKDG and MMFF94
    where they know no molecule so small). Its sites may be stars: *, [*:1] or R#, whose stereo is kept.

    Examples: moldiff decorate "*c1ccco1" --add 3-8 -n 20 --out furans.sdf | moldiff decorate "*c1ccncc1" --weights
    druglike --target logp=2 --num-particles 4 --out pyridines.sdf
    """
    from moldiff.tasks.inputs import records_of, usable
    from moldiff.tasks.sites import Placement

    num_added, sites = parse_num_atoms(add, "--add"), parse_sites(attach, smarts, add)
    router = make_router(weights, device, num_threads, precision, allow_extrapolation, network)
    placement = Placement(router, sites, num_added, add_hydrogens, seed)
    label, records = records_of(scaffold, stars=True)
    found = usable(label, records, make=placement.fragment)
    check_usable(found, label, failures)
    names = [name for _, name in found.items]
    particles, evaluators = particles_of(router, names, target, reward_model, num_particles)
    complete(
        [fragment for fragment, _ in found.items],
        _task(router, names, num_each, num_added, particles),
        out,
        failed=found.refused,
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        evaluators=evaluators,
        failures=failures,
    )


def link(
    file: Annotated[Path, Argument(help="The pieces in 3D with all hydrogens, in one record or in several: .sdf.")],
    out: Out,
    attach: Attach = None,
    smarts: Smarts = None,
    add: Add = None,
    add_hydrogens: AddHydrogens = False,
    num_each: NumEach = GROWTH.num_samples,
    weights: AutoWeights = AUTO,
    network: Network = None,
    num_steps: Steps = GROWTH.num_steps,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    target: TargetsOption = None,
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Samples atoms that link pieces, whose atoms, bonds and coordinates stay.

    Atoms are counted through the whole file: the first of the second record follows the last of the first. Sites may be
    stars, as of `moldiff decorate`.

    Example: moldiff link pieces.sdf --attach 2,9 --add 2-6 -n 20 --out linked.sdf
    """
    from moldiff.tasks.inputs import records_of, usable
    from moldiff.tasks.sites import Placement

    num_added, sites = parse_num_atoms(add, "--add"), parse_sites(attach, smarts, add)
    router = make_router(weights, device, num_threads, precision, allow_extrapolation, network)
    placement = Placement(router, sites, num_added, add_hydrogens, seed)
    label, records = records_of(file, stars=True)
    found = usable(label, records, make=placement.outline)
    check_usable(found, label, failures)
    if found.refused:
        with Refusals(found.refused, failures, num_each=1, tell=lambda line: None):
            raise ConfigError(next(f"{where}: {why}" for where, why in found.refused.items()))
    fragment, name = placement.link(found.items, label)
    particles, evaluators = particles_of(router, [name], target, reward_model, num_particles)
    complete(
        [fragment],
        _task(router, [name], num_each, num_added, particles),
        out,
        failed={},
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        evaluators=evaluators,
        failures=failures,
    )


def _task(
    router: "Router",
    names: Sequence[str],
    num_each: int,
    num_added: "NumAtoms",
    particles: "ParticleSampling | None",
) -> Any:
    from functools import partial

    from moldiff.tasks.fragments import grow

    return partial(router.complete, grow, names=names, num_each=num_each, num_added=num_added, particles=particles)


def parse_sites(attach: str | None, smarts: str | None, add: str | None) -> "Sites":
    """Where and how much to add.

    Args:
        attach: text of the option.
        smarts: text of the option.
        add: text of `--add`, which leaves no room for sizes by site.

    Returns:
        The sites.

    Raises:
        ConfigError: if the options do not go together, or a text is no list of atoms.
    """
    from moldiff.tasks.sites import Sites

    atoms, sizes = list[int](), list[tuple[int, int]]()
    if attach is not None and smarts is not None:
        raise ConfigError(f"--attach {attach}, --smarts {smarts}: give one of them")
    for text in [] if attach is None else attach.split(","):
        match = _SITE.fullmatch(text.strip())
        if match is None:
            raise ConfigError(f"--attach {attach}: expected numbers of atoms, such as 3 or 3,5, or 3:4-9,5:1-4")
        atoms.append(int(match[1]))
        if match[2] is not None:
            sizes.append((int(match[2]), int(match[3] or match[2])))
    if sizes and (len(sizes) < len(atoms) or add is not None):
        raise ConfigError(f"--attach {attach}: give a size to every site, and then no --add")
    if any(not 1 <= low <= high for low, high in sizes):
        raise ConfigError(f"--attach {attach}: expected sizes of at least 1, the least first")
    return Sites(tuple(atoms), tuple(sizes), smarts)
