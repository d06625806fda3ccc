"""Options that several commands share, and their names."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from moldiff.cli._sampling import MOST_DRAWS

NumAtomsText = Annotated[
    str | None, Option(help="Atoms with hydrogens: 18, or 15-20. (default: as often as in the data)")
]
NumHeavyAtomsText = Annotated[str | None, Option(help="The same of heavy atoms, for weights with latent hydrogens.")]
AllowExtrapolation = Annotated[
    bool, Option("--allow-extrapolation", help="Allow sizes that the weights were not trained on.")
]
ValidOnly = Annotated[
    bool, Option("--valid-only", help=f"Write only valid molecules; sample up to {MOST_DRAWS} times as many for it.")
]
Trajectory = Annotated[
    Path | None, Option(help="Write every state of every trajectory, too: .sdf, or .xyz; see `moldiff animate`.")
]
BatchSize = Annotated[int | None, Option(min=1, help="Most molecules at once; bounds memory, changes no molecule.")]
First = Annotated[int, Option(min=0, help="Index of the first molecule; to continue where another call ended.")]
DEFAULT = " (default: of the weights)"
Out = Annotated[Path, Option("--out", "-o", help="File to write: .sdf, .xyz, .smi or .csv.")]
Weights = Annotated[str, Option("--weights", "-w", help="A name that ships with the package, or a folder.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace a file that is there.")]
Precision = Annotated[
    Literal["auto", "bf16", "float32"],
    Option(
        help="Of the network; auto is bf16 where the processor multiplies it natively. Molecules of one seed are the "
        "same at the same precision only; the files say which."
    ),
]
Device = Annotated[str | None, Option(help="cpu or cuda. (default: cuda if there is one)")]
PROCESSES = "Processes on this machine, a GPU each, or a share of the cores."
MACHINES = "Machines; start the command on each, with MASTER_ADDR, MASTER_PORT and NODE_RANK set."
Devices = Annotated[int, Option(min=1, help=PROCESSES)]
NumNodes = Annotated[int, Option(min=1, help=MACHINES)]
OwnDevices = Annotated[int | None, Option("--devices", min=1, help=f"{PROCESSES} (default: 1)")]
OwnNodes = Annotated[int | None, Option("--num-nodes", min=1, help=f"{MACHINES} (default: 1)")]
LoggerName = Annotated[
    Literal["csv", "tensorboard", "wandb"] | None,
    Option("--logger", help="Also log by Lightning, below the folder of the run; wandb sends to its servers."),
]
Preset = Annotated[
    Literal["fast", "balanced", "best"] | None,
    Option(help="10 evaluations (with `valence` 1), 20 or 50; docs/benchmarks/ has what each gives."),
]
NumSteps = Annotated[int | None, Option(min=1, help=f"Network evaluations for each molecule.{DEFAULT}")]
SamplerSet = Annotated[
    list[str] | None,
    Option("--set", help="Any setting of the sampler, such as resample=0; `moldiff info` has them. Repeatable."),
]
Steps = Annotated[int, Option("--num-steps", min=1, help="Network evaluations for each attempt.")]
NumEach = Annotated[int, Option("--num-each", "-n", min=1, help="Molecules for each one of the input.")]
Seed = Annotated[int, Option(min=0, help="Random seed.")]
NumThreads = Annotated[int | None, Option(min=1, max=1024, help="CPU threads. (default: one a core)")]
Geometries = Annotated[Path, Argument(help="Molecules in 3D with all hydrogens: .xyz, .sdf or .mol, plain or .gz.")]
TargetsOption = Annotated[
    list[str] | None,
    Option(
        "--target",
        help="A property to have, such as gap=6.5eV: one that the weights know (`moldiff info`), or with "
        "--num-particles one that the reward model predicts or RDKit computes, such as logp=2. Repeatable.",
    ),
]
GuidanceWeights = Annotated[
    list[str] | None,
    Option("--guidance", help="How strongly: 2, or gap=2 for one condition (repeatable). (default: 1)"),
]
Interval = Annotated[
    str, Option("--guidance-interval", help="Times, 0 data to 1 noise, within which guidance counts, such as 0.1-0.8.")
]
RewardModelOption = Annotated[
    str | None,
    Option(help="Predictor that ranks the particles. (default: the one inside the weights)"),
]
NumParticles = Annotated[
    int,
    Option(min=1, help="Trajectories for each molecule; those closer to the targets are kept."),
]
Reference = Annotated[
    list[Path] | None,
    Option(help="Known molecules for novelty: .sdf, .smi, .csv, or a prepared store such as qm9; repeatable."),
]
DistancesTo = Annotated[
    Path | None,
    Option(help="Molecules of the data: .sdf, or a prepared store such as qm9, of which the test split is taken."),
]
NumRequested = Annotated[
    int | None, Option(min=0, help="Molecules requested; those not in the file count as failures.")
]
DataRowOf = Annotated[str | None, Option(help="Weights whose data's own score is shown beside, such as qm9.")]
Protocols = Annotated[
    list[str] | None,
    Option("--protocol", help="Also count by an older protocol: distance-bonds, midi or geom-revised; repeatable."),
]
Druglike = Annotated[
    bool,
    Option("--druglike", help="QED, synthetic accessibility, logP, diversity; with --reference a Fréchet distance."),
]
Checks = Annotated[
    list[str] | None,
    Option("--check", help="Check valid molecules: posebusters, mmff94 or xtb (strain); repeatable."),
]
MostChecked = Annotated[
    int, Option(min=1, help="Valid molecules that --check applies to, a random choice that is the same each time.")
]
Chemistry = Annotated[
    str | None,
    Option(
        help="What a chemist looks at (ring systems, alerts, Fréchet ChemNet distance, plausibility), against qm9, "
        "moses or chembl, a summary (.safetensors), a prepared store, or a file of molecules."
    ),
]
CheckFile = Annotated[
    Path | None, Option(help="Keep results of --check here as they come; those that are there are not made again.")
]
DEFAULT_MOST_CHECKED = 1000  # `moldiff.metrics.checks.MOST_CHECKED`, which loads RDKit
NumWorkers = Annotated[
    int | None, Option(min=1, help="Processes for files of thousands of molecules. (default: one a core)")
]

OwnNetwork = Annotated[
    str | None,
    Option(
        "--network",
        metavar="MODULE:CLASS",
        help="A network of your own, package.module:Class; its options by --set model.network_options.NAME=VALUE.",
    ),
]
Network = Annotated[
    str | None,
    Option(
        "--network",
        metavar="MODULE:CLASS",
        help="Class of the network, for weights made with one of your own: package.module:Class.",
    ),
]


OLD_NAMES = {  # of options, for one version
    "--condition": "--target",
    "--num-walks": "--num-particles",
    "--guide": "--reward-model",
    "--sampler": "--solver",
}
SAMPLING = {"sample", "decorate", "link", "isomers"}  # commands that had them
OPTIONS = {  # of the arguments that messages of the library name
    "target": "--target",
    "num_particles": "--num-particles",
    "reward_model": "--reward-model",
    "attach": "--attach",
    "num_added": "--add",
    "add_hydrogens": "--add-hydrogens",
    "largest_fragment": "--largest-fragment",
}
_ARGUMENT = re.compile(rf"\b({'|'.join(OPTIONS)})(?:=(True\b)?)")


def with_new_names(arguments: Sequence[str]) -> list[str]:
    """Arguments of a command whose first one is its name, old options under their new names."""
    if not arguments or arguments[0] not in SAMPLING:
        return list(arguments)
    parts = [argument.partition("=") for argument in arguments]
    return ["".join((OLD_NAMES.get(name, name), equals, value)) for name, equals, value in parts]


def with_option_names(message: str) -> str:
    """A message of the library with `num_particles=4` as `--num-particles 4`."""
    return _ARGUMENT.sub(lambda match: OPTIONS[match[1]] + ("" if match[2] else " "), message)
