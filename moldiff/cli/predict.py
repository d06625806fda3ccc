"""`moldiff predict` and `moldiff train-predictor`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from moldiff.cli.assignments import Overwrite, OwnDevices, OwnNodes, run_settings
from moldiff.cli.drawing import FEWER
from moldiff.cli.judging import predicting
from moldiff.cli.refusals import Failures, Refusals, Refused
from moldiff.cli.routing import AUTO, Extrapolate
from moldiff.cli.terminal import say, show_json, show_table, tell
from moldiff.errors import DataError, OutputError

if TYPE_CHECKING:
    from moldiff.chem.molecule import Molecule

NOT_PREDICTED = "not_predicted"  # tag of a molecule without figures


def predict(
    file: Annotated[Path, Argument(help="Molecules with all hydrogens: .sdf or .xyz.")],
    weights: Annotated[
        str,
        Option("--weights", "-w", help="A predictor's folder, or weights that bring one; auto is the one that ships."),
    ] = AUTO,
    out: Annotated[Path | None, Option("--out", "-o", help="Write the molecules with their predictions: .sdf.")] = None,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    overwrite: Overwrite = False,
) -> None:
    """Predicts properties of molecules from their atoms and coordinates.

    Molecules unlike those of the training data (`moldiff info` has the limits), without their hydrogens, or not in Å
    get no figures: each is named, tagged `not_predicted` in the file, and the exit code is 3.

    Where the file says what a property is, or what was asked for, the mean absolute difference is shown beside the
    predictor's own error on molecules that it was not trained on.

    Example: moldiff predict samples.sdf --out predicted.sdf
    """
    from moldiff.chem.files import open_writer, read_molecules
    from moldiff.chem.molecule import Failure
    from moldiff.predictor import PropertyPredictor
    from moldiff.weights import AUTO_ORDER

    name = AUTO_ORDER["predictor"][0] if weights == AUTO else weights
    if out is not None and out.suffix.lower() != ".sdf":
        raise OutputError(f"{out}: predictions are written to an .sdf")
    predictor = PropertyPredictor.from_pretrained(name)
    judge, molecules, refused, beyond = predicting(predictor), list["Molecule"](), dict[str, Refused](), list[str]()
    for number, record in read_molecules(file):
        label = f"{file.name}, record {number}"
        if isinstance(record, Failure):
            refused[label] = Refused(number, "", record.reason, record.detail)
            continue
        properties = {key: value for key, value in record.properties.items() if key != NOT_PREDICTED}
        obstacle = predictor.obstacle(record, allow_extrapolation=allow_extrapolation)
        if obstacle is not None:
            refused[label] = Refused(number, record.name, "domain", f"{obstacle} ({name})")
            properties[NOT_PREDICTED] = obstacle
        elif allow_extrapolation and (unlike := predictor.obstacle(record)) is not None:
            beyond.append(f"{label}: {unlike}")
        molecules.append(replace(record, properties=properties))
    predicted = [molecule for molecule in molecules if NOT_PREDICTED not in molecule.properties]
    with Refusals(refused, failures, num_each=1, tell=tell if predicted else lambda line: None):
        if not predicted:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            first = next((f"{label}: {why}" for label, why in refused.items()), f"{file}: has no molecules")
            raise DataError(f"{first}{more}")
    if beyond:
        tell(f"warning: {len(beyond)} molecules are unlike the training data, such as {beyond[0]}; do not rely on it")
    judged = iter(judge.judged(predicted))
    show_table(judge.table())
    total = len(predicted) + len(refused)
    say(f"{file}: {len(predicted)} of {total} records predicted")
    if out is not None:
        with open_writer(out, overwrite=overwrite) as writer:
            for molecule in molecules:
                writer.write(molecule if NOT_PREDICTED in molecule.properties else next(judged))
        say(f"{out}: {writer.num_written} molecules")
    if refused:
        raise Exit(FEWER)


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
