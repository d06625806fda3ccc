"""Commands that train: `train`, `distill` and `train-predictor`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from moldiff.cli._options import LoggerName, Network, OwnDevices, OwnNetwork, OwnNodes
from moldiff.cli._parsing import run_config
from moldiff.cli._terminal import say, show_json


def train_predictor(
    out: Annotated[Path, Option("--out", "-o", help="Folder of the run, such as runs/predictor.")],
    data: Annotated[str | None, Option(help="A store: a folder, or a name in stores/. (default: qm9)")] = None,
    target: Annotated[
        list[str] | None,
        Option(help="A column to predict, as of `moldiff train --condition`. Repeatable. (default: six of QM9)"),
    ] = None,
    devices: OwnDevices = None,
    num_nodes: OwnNodes = None,
    logger: LoggerName = None,
    config: Annotated[Path | None, Option(help="JSON file of settings; those not in it keep their defaults.")] = None,
    set_: Annotated[list[str] | None, Option("--set", help="One setting, such as seed=1; repeatable.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    show: Annotated[bool, Option("--show", help="Print the resolved settings and do nothing.")] = False,
) -> None:
    """Trains a network that predicts properties; at the end its bundle lies in OUT/bundle.

    Examples: moldiff train-predictor --data qm9 --out runs/predictor | moldiff train-predictor --data stores/mine
    --target logS --out runs/predictor
    """
    from moldiff.config.property import PropertyConfig
    from moldiff.training.origin import BUNDLE

    settings = run_config(
        PropertyConfig,
        out,
        config,
        set_,
        resume=resume,
        data=data,
        targets=target,
        num_processes=devices,
        num_nodes=num_nodes,
    )
    if show:
        show_json(settings.model_dump())
        return
    from moldiff.training.property.run import train_predictor as run

    predictor = run(settings, out, resume=resume, logger=logger)
    if predictor is None:
        return
    for condition in predictor.targets:
        unit = f" {condition.unit}" if condition.unit else ""
        say(f"{condition.name}: mean absolute error {predictor.errors[condition.name]:.4g}{unit}")
    say(f"done; next: moldiff predict molecules.sdf --weights {out / BUNDLE}")


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
    network: OwnNetwork = None,
    condition: Annotated[
        list[str] | None,
        Option(
            help="A column to ask for in sampling: of the store, charge, or an RDKit descriptor; NAME:classes for "
            "numbers that are classes. Repeatable."
        ),
    ] = None,
    devices: OwnDevices = None,
    num_nodes: OwnNodes = None,
    logger: LoggerName = None,
    config: Annotated[Path | None, Option(help="JSON file of settings; those not in it keep their defaults.")] = None,
    set_: Annotated[
        list[str] | None, Option("--set", help="One setting, such as seed=1 or model.network.num_blocks=4; repeatable.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    show: Annotated[bool, Option("--show", help="Print the resolved settings and do nothing.")] = False,
) -> None:
    """Trains a model; at the end the weights bundle lies in OUT/bundle.

    Examples: moldiff train --data qm9 --out runs/qm9 | moldiff train --data stores/mine --out runs/mine
    --set num_training_molecules=500000 | moldiff train --condition gap --condition mu
    --out runs/gap | moldiff train --start qm9 --data stores/mine --out runs/mine | moldiff train --out
    runs/qm9 --resume
    """
    from moldiff.config.training import TrainingConfig

    settings = run_config(
        TrainingConfig,
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
        **{"model.network_class": network},
    )
    if show:
        show_json(settings.model_dump())
        return
    from moldiff.training.denoiser.run import FORGOTTEN
    from moldiff.training.denoiser.run import train as run
    from moldiff.training.origin import BUNDLE

    run(settings, out, resume=resume, logger=logger)
    if settings.start is not None:
        say(describe_forgetting(out / FORGOTTEN))
    named = f" --network {settings.model.network_class}" if settings.model.network_class else ""
    say(f"done; next: moldiff sample --weights {out / BUNDLE}{named} --out molecules.sdf")


def describe_forgetting(file: Path) -> str:
    """What a fine-tuning did to the losses on molecules of the old weights, in one line."""
    if not file.is_file():
        return "losses on molecules of the old weights: not watched, the new data has other atoms"
    losses = json.loads(file.read_text())
    changes = [f"{name[4:]} {value:.3f} to {losses['after'][name]:.3f}" for name, value in losses["before"].items()]
    return f"losses on molecules of the old weights: {', '.join(changes)}"


def distill(
    out: Annotated[Path, Option("--out", "-o", help="Folder of the run, such as runs/qm9-fast.")],
    weights: Annotated[
        str | None, Option("--weights", "-w", help="Teacher: name or folder of a bundle. (default: qm9)")
    ] = None,
    network: Network = None,
    data: Annotated[str | None, Option(help="Prepared data that the student shall resemble. (default: qm9)")] = None,
    num_steps: Annotated[
        int | None,
        Option("--num-steps", min=1, help="Network evaluations for each molecule of the student. (default: 8)"),
    ] = None,
    devices: OwnDevices = None,
    num_nodes: OwnNodes = None,
    logger: LoggerName = None,
    config: Annotated[Path | None, Option(help="JSON file of settings; those not in it keep their defaults.")] = None,
    set_: Annotated[
        list[str] | None, Option("--set", help="One setting, such as seed=1 or sampler.eta=0.5; repeatable.")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    show: Annotated[bool, Option("--show", help="Print the resolved settings and do nothing.")] = False,
) -> None:
    """Trains a student of weights for few network evaluations, on molecules that it samples itself.

    Reward: validity, and atom environments as frequent as in the data of `moldiff prepare`.

    At the end the student's weights bundle lies in OUT/bundle.

    Examples: moldiff distill --out runs/qm9-fast --set num_processes=2 | moldiff distill --weights runs/mine/bundle
    --data stores/mine --num-steps 6 --out runs/mine-fast | moldiff distill --out runs/qm9-fast --resume
    """
    from moldiff.config.distillation import DistillationConfig

    options = {
        "teacher": weights,
        "network_class": network,
        "data": data,
        "sampler.num_steps": num_steps,
        "num_processes": devices,
        "num_nodes": num_nodes,
    }
    settings = run_config(DistillationConfig, out, config, set_, resume=resume, **options)
    if show:
        show_json(settings.model_dump())
        return
    from moldiff.training.distillation.run import distill as run
    from moldiff.training.origin import BUNDLE

    run(settings, out, resume=resume, logger=logger)
    named = f" --network {settings.network_class}" if settings.network_class else ""
    say(f"done; next: moldiff sample --weights {out / BUNDLE}{named} --out molecules.sdf")
