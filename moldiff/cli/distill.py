"""`moldiff distill`."""

from pathlib import Path
from typing import Annotated

from typer import Option

from moldiff.cli.assignments import OwnDevices, OwnNodes, run_settings
from moldiff.cli.terminal import say, show_json


def distill(
    out: Annotated[Path, Option("--out", "-o", help="Folder of the run, such as runs/qm9-fast.")],
    weights: Annotated[
        str | None, Option("--weights", "-w", help="Teacher: name or folder of a bundle. (default: qm9)")
    ] = None,
    data: Annotated[str | None, Option(help="Prepared data that the student shall resemble. (default: qm9)")] = None,
    num_steps: Annotated[
        int | None, Option("--num-steps", min=1, help="Network evaluations of a walk of the student. (default: 8)")
    ] = None,
    devices: OwnDevices = None,
    num_nodes: OwnNodes = None,
    config: Annotated[Path | None, Option(help="JSON file of settings; those not in it keep their defaults.")] = None,
    set_: Annotated[
        list[str] | None, Option("--set", help="One setting, such as seed=1 or sampler.eta=0.5; repeatable.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    show: Annotated[bool, Option("--show", help="Print the resolved settings and do nothing.")] = False,
) -> None:
    """Trains a student of weights for few network evaluations, on its own walks.

    It earns by valid molecules, and by surroundings of atoms that are as common as in the data of `moldiff prepare`.

    At the end the student's weights bundle lies in OUT/bundle.

    Examples: moldiff distill --out runs/qm9-fast --set num_processes=2 | moldiff distill --weights runs/mine/bundle
    --data stores/mine --num-steps 6 --out runs/mine-fast | moldiff distill --out runs/qm9-fast --resume
    """
    from moldiff.config import DistillationSettings

    asked = {"teacher": weights, "data": data, "sampler.num_steps": num_steps, "num_processes": devices,
             "num_nodes": num_nodes}  # fmt: skip
    settings = run_settings(DistillationSettings, out, config, set_, resume=resume, **asked)
    if show:
        show_json(settings.model_dump())
        return
    from moldiff.distill import distill as run
    from moldiff.fitting import BUNDLE

    run(settings, out, resume=resume)
    say(f"done; next: moldiff sample --weights {out / BUNDLE} --out molecules.sdf")
