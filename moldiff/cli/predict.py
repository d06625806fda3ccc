"""`moldiff predict` and `moldiff train-predictor`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli.assignments import Overwrite, OwnDevices, OwnNodes, run_settings
from moldiff.cli.judging import predicting
from moldiff.cli.terminal import say, show_json, show_table
from moldiff.errors import DataError


def predict(
    file: Annotated[Path, Argument(help="Molecules with all hydrogens: .sdf or .xyz.")],
    weights: Annotated[str, Option("--weights", "-w", help="A predictor's folder, or weights that bring one.")],
    out: Annotated[Path | None, Option("--out", "-o", help="Write the molecules with their predictions: .sdf.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Predicts properties of molecules from their atoms and coordinates.

    Where the file says what a property is, or what was asked for, the mean absolute difference is shown beside the
    predictor's own error on molecules that it was not trained on.

    Example: moldiff predict samples.sdf --weights runs/judge/bundle --out judged.sdf
    """
    from moldiff.chem.files import open_writer, read_molecules
    from moldiff.chem.molecule import Failure
    from moldiff.predictor import PropertyPredictor

    predictor = PropertyPredictor.from_pretrained(weights)
    records = [record for _, record in read_molecules(file)]
    molecules = [record for record in records if not isinstance(record, Failure)]
    if not molecules:
        raise DataError(f"{file}: none of {len(records)} records could be read")
    judge = predicting(predictor)
    judged = judge.judged(molecules)
    show_table(judge.table())
    say(f"{file}: {len(molecules)} of {len(records)} records")
    if out is not None:
        with open_writer(out, overwrite=overwrite) as writer:
            for molecule in judged:
                writer.write(molecule)
        say(f"{out}: {writer.num_written} molecules")


def train_predictor(
    out: Annotated[Path, Option("--out", "-o", help="Folder of the run, such as runs/judge.")],
    data: Annotated[str | None, Option(help="A store: a folder, or a name in stores/. (default: qm9)")] = None,
    target: Annotated[
        list[str] | None,
        Option(help="A column to predict, as of `moldiff train --condition`. Repeatable. (default: six of QM9)"),
    ] = None,
    devices: OwnDevices = None,
    num_nodes: OwnNodes = None,
    config: Annotated[Path | None, Option(help="JSON file of settings; those not in it keep their defaults.")] = None,
    set_: Annotated[list[str] | None, Option("--set", help="One setting, such as seed=1; repeatable.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    show: Annotated[bool, Option("--show", help="Print the resolved settings and do nothing.")] = False,
) -> None:
    """Trains a network that predicts properties; at the end its bundle lies in OUT/bundle.

    Examples: moldiff train-predictor --data qm9 --out runs/judge | moldiff train-predictor --data stores/mine --target
    logS --out runs/judge
    """
    from moldiff.config import PredictorSettings
    from moldiff.fitting import BUNDLE

    settings = run_settings(
        PredictorSettings, out, config, set_, resume=resume, data=data, targets=target, num_processes=devices,
        num_nodes=num_nodes,
    )  # fmt: skip
    if show:
        show_json(settings.model_dump())
        return
    from moldiff.regression import train_predictor as run

    predictor = run(settings, out, resume=resume)
    if predictor is None:
        return
    for condition in predictor.targets:
        unit = f" {condition.unit}" if condition.unit else ""
        say(f"{condition.name}: mean absolute error {predictor.errors[condition.name]:.4g}{unit}")
    say(f"done; next: moldiff predict molecules.sdf --weights {out / BUNDLE}")
