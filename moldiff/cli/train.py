"""`moldiff train`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from moldiff.cli.assignments import OwnDevices, OwnNodes, run_settings
from moldiff.cli.terminal import say, show_json


def train(
    out: Annotated[Path, Option("--out", "-o", help="Folder of the run, such as runs/qm9.")],
    data: Annotated[
        str | None, Option(help="A store that `moldiff prepare` made: a folder, or a name in stores/. (default: qm9)")
    ] = None,
    start: Annotated[
        str | None, Option(help="Fine-tuning: weights to go on from, a name or folder. New atom classes are added.")
    ] = None,
    low_rank: Annotated[
        int | None, Option(min=1, help="With --start: learn changes of the large matrices of this rank only (LoRA).")
    ] = None,
    condition: Annotated[
        list[str] | None,
        Option(
            help="A column to ask for in sampling: of the store, charge, or an RDKit descriptor; NAME:classes for "
            "numbers that are classes. Repeatable."
        ),
    ] = None,
    devices: OwnDevices = None,
    num_nodes: OwnNodes = None,
    config: Annotated[Path | None, Option(help="JSON file of settings; those not in it keep their defaults.")] = None,
    set_: Annotated[
        list[str] | None, Option("--set", help="One setting, such as seed=1 or model.network.num_blocks=4; repeatable.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    show: Annotated[bool, Option("--show", help="Print the resolved settings and do nothing.")] = False,
) -> None:
    """Trains a model; at the end the weights bundle lies in OUT/bundle.

    Examples: moldiff train --data qm9 --out runs/qm9 | moldiff train --data stores/mine --out runs/mine
    --set num_molecules=500000 | moldiff train --condition gap --condition mu
    --out runs/gap | moldiff train --start qm9 --data stores/mine --out runs/mine | moldiff train --out
    runs/qm9 --resume
    """
    from moldiff.config import TrainingSettings

    settings = run_settings(
        TrainingSettings,
        out,
        config,
        set_,
        resume=resume,
        data=data,
        start=start,
        conditions=condition,
        low_rank=low_rank,
        num_processes=devices,
        num_nodes=num_nodes,
    )
    if show:
        show_json(settings.model_dump())
        return
    from moldiff.fitting import BUNDLE
    from moldiff.run import FORGOTTEN
    from moldiff.run import train as run

    run(settings, out, resume=resume)
    if settings.start is not None:
        say(told_of_forgetting(out / FORGOTTEN))
    say(f"done; next: moldiff sample --weights {out / BUNDLE} --out molecules.sdf")


def told_of_forgetting(file: Path) -> str:
    """What a fine-tuning did to the losses on molecules of the old weights, in one line."""
    if not file.is_file():
        return "losses on molecules of the old weights: not watched, the new data has other atoms"
    told = json.loads(file.read_text())
    changes = [f"{name[4:]} {value:.3f} to {told['after'][name]:.3f}" for name, value in told["before"].items()]
    return f"losses on molecules of the old weights: {', '.join(changes)}"
