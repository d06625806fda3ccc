"""`moldiff decorate` and `moldiff link`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from moldiff.cli._completion import complete, records_of, usable
from moldiff.cli._options import (
    Conditions,
    Device,
    NumEach,
    NumParticles,
    NumThreads,
    Out,
    Overwrite,
    Precision,
    RewardModelOption,
    Seed,
    Steps,
)
from moldiff.cli._parsing import parse_num_atoms
from moldiff.cli._refusals import Failures, Refusals
from moldiff.cli._routing import AUTO, AutoWeights, Extrapolate, Route
from moldiff.cli._targets import compete
from moldiff.errors import ConfigError

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.chem.scaffold import Scaffold
    from moldiff.generation.sizes import NumAtoms
    from moldiff.tasks.fragments import Fragment


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
    scaffold: Annotated[str, Argument(help="A SMILES, or a file: .sdf or .mol in 3D, which stays, or drawn; .smi.")],
    out: Out,
    attach: Attach = None,
    smarts: Smarts = None,
    add: Add = None,
    add_hydrogens: AddHydrogens = False,
    num_each: NumEach = 10,
    weights: AutoWeights = AUTO,
    num_steps: Steps = 50,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    condition: Conditions = None,
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws substituents on a scaffold, whose atoms, bonds and coordinates stay; each site gets a heavy atom.

    A scaffold given as SMILES or as a drawing gets its coordinates from the same weights first (by ETKDG and MMFF94
    where they know no molecule so small). Its sites may be stars: *, [*:1] or R#, whose stereo is kept.

    Examples: moldiff decorate "*c1ccco1" --add 3-8 -n 20 --out furans.sdf | moldiff decorate "*c1ccncc1" --weights
    druglike --condition logp=2 --num-particles 4 --out pyridines.sdf
    """
    from moldiff.chem.molecule import Failure
    from moldiff.tasks.fragments import check_fragment, fragment_obstacle, grow
    from moldiff.tasks.scaffolds import located

    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    num_added, sites, outlined = parse_num_atoms(add, "--add"), _Sites(attach, smarts, add), _outlined(add_hydrogens)

    def opened(scaffold: "Scaffold", molecule: "Molecule") -> "Fragment":
        fragment = sites.opened(scaffold, molecule)
        _refuse_pieces(fragment, linked=False)
        return fragment

    def make(record: Any) -> "tuple[Fragment, str] | Failure":
        pair = outlined(record)
        if isinstance(pair, Failure):
            return pair
        start = opened(*pair)  # says whether there is room, before coordinates are drawn
        name = route.name_for(lambda domain: fragment_obstacle(start, num_added, domain), pair[1].label)
        whole = located(route.generator(name), pair[0], seed=seed)
        if isinstance(whole, Failure):
            return whole
        fragment = opened(pair[0], whole)
        check_fragment(route.generator(name), fragment, num_added, allow_extrapolation=allow_extrapolation)
        return fragment, name

    path, records = records_of(scaffold, stars=True)
    found, failed = usable(path, records, lambda one: None, make=make, failures=failures)
    fragments, names = [fragment for fragment, _ in found], [name for _, name in found]
    _grow(
        route,
        fragments,
        names,
        grow,
        num_added,
        condition,
        reward_model,
        num_particles,
        out,
        failed=failed,
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        failures=failures,
    )


def link(
    file: Annotated[Path, Argument(help="The pieces in 3D with all hydrogens, in one record or in several: .sdf.")],
    out: Out,
    attach: Attach = None,
    smarts: Smarts = None,
    add: Add = None,
    add_hydrogens: AddHydrogens = False,
    num_each: NumEach = 10,
    weights: AutoWeights = AUTO,
    num_steps: Steps = 50,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    condition: Conditions = None,
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws atoms that link pieces, whose atoms, bonds and coordinates stay.

    Atoms are counted through the whole file: the first of the second record follows the last of the first. Sites may be
    stars, as of `moldiff decorate`.

    Example: moldiff link pieces.sdf --attach 2,9 --add 2-6 -n 20 --out linked.sdf
    """
    from moldiff.chem.scaffold import together
    from moldiff.tasks.fragments import check_fragment, fragment_obstacle, grow
    from moldiff.tasks.scaffolds import has_coordinates

    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    num_added, sites = parse_num_atoms(add, "--add"), _Sites(attach, smarts, add)
    path, records = records_of(str(file), stars=True)
    parts, failed = usable(path, records, lambda part: None, make=_outlined(add_hydrogens), failures=failures)
    if failed:
        with Refusals(failed, failures, num_each=1, tell=lambda line: None):
            raise ConfigError(next(f"{label}: {why}" for label, why in failed.items()))
    if not all(has_coordinates(scaffold) for scaffold, _ in parts):
        raise ConfigError(f"{path.name}: pieces to link need coordinates in 3D, which say where they lie")
    fragment = sites.opened(*together(parts))
    if fragment.site_sizes:
        raise ConfigError(f"--attach {attach}: sizes by site go with moldiff decorate; give --add here")
    _refuse_pieces(fragment, linked=True)
    name = route.name_for(lambda domain: fragment_obstacle(fragment, num_added, domain), fragment.molecule.label)
    check_fragment(route.generator(name), fragment, num_added, allow_extrapolation=allow_extrapolation)
    _grow(
        route,
        [fragment],
        [name],
        grow,
        num_added,
        condition,
        reward_model,
        num_particles,
        out,
        failed={},
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        failures=failures,
    )


def _grow(
    route: Route,
    fragments: "Sequence[Fragment]",
    names: Sequence[str],
    task: Any,
    num_added: "NumAtoms",
    condition: Sequence[str] | None,
    reward_model: str | None,
    num_particles: int,
    out: Path,
    *,
    num_each: int,
    **how: Any,
) -> None:
    """Draws, with what the trajectories of each molecule compete for, which needs weights that draw all of them."""
    from functools import partial

    if (condition or num_particles > 1) and len(set(names)) > 1:
        raise ConfigError(f"--condition with scaffolds for {' and '.join(sorted(set(names)))}: name one by --weights")
    name = names[0] if names else AUTO
    selection, evaluators = None, []
    if names:
        selection, evaluators = compete(
            route.generator(name), name, condition, reward_model=reward_model, num_particles=num_particles
        )
    draw = partial(route.draw, task, names=names, num_each=num_each, num_added=num_added, selection=selection)
    complete(list(fragments), draw, out, num_each=num_each, evaluators=evaluators, **how)


class _Sites:
    """Where and how much to add, as `--attach` or `--smarts` say; stars need neither.

    Args:
        attach: text of the option.
        smarts: text of the option.
        add: text of `--add`, which sizes by site leave no room for.
    """

    def __init__(self, attach: str | None, smarts: str | None, add: str | None) -> None:
        self.smarts, self.atoms, self.sizes = smarts, list[int](), list[tuple[int, int]]()
        if attach is not None and smarts is not None:
            raise ConfigError(f"--attach {attach}, --smarts {smarts}: give one of them")
        for text in [] if attach is None else attach.split(","):
            match = _SITE.fullmatch(text.strip())
            if match is None:
                raise ConfigError(f"--attach {attach}: expected numbers of atoms, such as 3 or 3,5, or 3:4-9,5:1-4")
            self.atoms.append(int(match[1]))
            if match[2] is not None:
                self.sizes.append((int(match[2]), int(match[3] or match[2])))
        if self.sizes and (len(self.sizes) < len(self.atoms) or add is not None):
            raise ConfigError(f"--attach {attach}: give a size to every site, and then no --add")
        if any(not 1 <= low <= high for low, high in self.sizes):
            raise ConfigError(f"--attach {attach}: expected sizes of at least 1, the least first")

    def opened(self, scaffold: "Scaffold", molecule: "Molecule") -> "Fragment":
        """The fragment; an error says what it needs."""
        from moldiff.chem.fragments import matches
        from moldiff.tasks.scaffolds import opened_scaffold

        if scaffold.sites and self.smarts is None and sorted(self.atoms) in ([], sorted(scaffold.labels)):
            of = dict(zip(self.atoms, self.sizes, strict=False))
            return opened_scaffold(
                scaffold, molecule, site_sizes=[of[label] for label in scaffold.labels if label in of]
            )
        if scaffold.sites:
            known = ", ".join(map(str, scaffold.labels))
            raise ConfigError(
                f"{molecule.label}: its sites are the stars {known}; --attach may give each of them a size"
            )
        if self.smarts is not None:
            return opened_scaffold(scaffold, molecule, matches(molecule, self.smarts))
        if not self.atoms:
            raise ConfigError(
                "give the attachment atoms by --attach or by --smarts, such as --attach 3; or * in a SMILES"
            )
        return opened_scaffold(scaffold, molecule, [atom - 1 for atom in self.atoms], site_sizes=self.sizes)


def _outlined(add_hydrogens: bool) -> Any:
    """Makes of a record its scaffold, and a molecule with the coordinates that it has, or none."""

    def make(record: Any) -> "tuple[Scaffold, Molecule] | Failure":
        from dataclasses import replace

        from moldiff.chem.molecule import Failure, Molecule
        from moldiff.chem.rdkit_conversion import with_hydrogens
        from moldiff.chem.scaffold import scaffold_of
        from moldiff.tasks.scaffolds import outline

        scaffold = scaffold_of(with_hydrogens(record) if add_hydrogens else record)
        if isinstance(scaffold, Failure):
            return scaffold
        molecule = outline(scaffold)
        if isinstance(molecule, Molecule):
            return scaffold, molecule
        missing = molecule.reason == "implicit_hydrogen"
        return replace(molecule, detail=f"{molecule.detail}; --add-hydrogens does so") if missing else molecule

    return make


def _refuse_pieces(fragment: "Fragment", *, linked: bool) -> None:
    from moldiff.chem.fragments import pieces

    count = int(pieces(fragment.molecule).max()) + 1
    if linked and count == 1:
        raise ConfigError(f"molecule {fragment.molecule.name!r}: is one piece; moldiff decorate adds to it")
    if not linked and count > 1:
        raise ConfigError(f"molecule {fragment.molecule.name!r}: is {count} pieces; moldiff link joins them")
