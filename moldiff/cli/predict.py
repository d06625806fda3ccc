"""`moldiff predict` and `moldiff train-predictor`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from moldiff.cli._options import Overwrite
from moldiff.cli._progress import FEWER
from moldiff.cli._refusals import Failures, Refusals
from moldiff.cli._routing import AUTO, Extrapolate
from moldiff.cli._terminal import say, show_table, tell
from moldiff.errors import DataError, OutputError
from moldiff.generation.target_report import predictor_evaluator
from moldiff.tasks.refused import Refused

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

    Where the file has values of a property, or targets, the mean absolute difference is shown beside the
    predictor's own error on molecules that it was not trained on.

    Example: moldiff predict samples.sdf --out predicted.sdf
    """
    from moldiff.chem.molecule import Failure
    from moldiff.io.formats import read_molecules
    from moldiff.io.writer import open_writer
    from moldiff.pretrained.format import AUTO_ORDER
    from moldiff.pretrained.property_predictor import PropertyPredictor

    name = AUTO_ORDER["predictor"][0] if weights == AUTO else weights
    if out is not None and out.suffix.lower() != ".sdf":
        raise OutputError(f"{out}: predictions are written to an .sdf")
    predictor = PropertyPredictor.from_pretrained(name)
    evaluator, molecules, refused, beyond = (
        predictor_evaluator(predictor),
        list["Molecule"](),
        dict[str, Refused](),
        list[str](),
    )
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
    evaluatord = iter(evaluator.evaluate(predicted))
    show_table(evaluator.table())
    total = len(predicted) + len(refused)
    say(f"{file}: {len(predicted)} of {total} records predicted")
    if out is not None:
        with open_writer(out, overwrite=overwrite) as writer:
            for molecule in molecules:
                writer.write(molecule if NOT_PREDICTED in molecule.properties else next(evaluatord))
        say(f"{out}: {writer.num_written} molecules")
    if refused:
        raise Exit(FEWER)
