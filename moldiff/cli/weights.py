"""`moldiff export` and `moldiff info`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from moldiff.cli._options import Network, NumSteps, SamplerSet
from moldiff.cli._parsing import change_sampler
from moldiff.cli._terminal import say, show_table
from moldiff.cli.data import describe_store
from moldiff.runtime.plain_text import outside_text, plain_lines

if TYPE_CHECKING:
    from torch.nn import Module

    from moldiff.conditions.condition import Condition
    from moldiff.config.base import Config
    from moldiff.config.model import ModelConfig
    from moldiff.data.statistics import Statistics


def export(
    run: Annotated[Path, Argument(help="Folder of a training run; it may still be going on.")],
    out: Annotated[Path, Option("--out", "-o", help="Folder of the weights bundle to make.")],
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], Option(help="Of the numbers in the file.")] = "float32",
    num_steps: NumSteps = None,
    set_: SamplerSet = None,
    predictor: Annotated[
        Path | None, Option(help="A predictor's bundle to put inside this one; it evaluates samples with targets.")
    ] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a bundle that is there.")] = False,
) -> None:
    """Makes a weights bundle of the averaged weights of a run's last checkpoint.

    The sampler given here is the default of `moldiff sample` with these weights; without one it is that of the run.

    Example: moldiff export runs/qm9 --out weights/qm9
    """
    import torch

    from moldiff.config.training import TrainingConfig
    from moldiff.pretrained.property_predictor import FOLDER, PropertyPredictor
    from moldiff.training.denoiser.export import export as make
    from moldiff.training.trainer import CONFIG

    settings = TrainingConfig.from_json(run / CONFIG)
    sampler = change_sampler(settings.sampler, set_, num_steps=num_steps)
    make(run, out, sampler=sampler, dtype=getattr(torch, dtype), overwrite=overwrite)
    if predictor is not None:
        PropertyPredictor.from_pretrained(predictor).save_pretrained(out / FOLDER)
    size = sum(file.stat().st_size for file in out.rglob("*")) / 1e6
    network = f" --network {settings.model.network_class}" if settings.model.network_class else ""
    say(f"{out}: {size:.1f} MB; next: moldiff sample --weights {out}{network} --out molecules.sdf")


def info(
    source: Annotated[str, Argument(help="Weights: a name that ships or a folder; or a store: a folder, or its name.")],
    network: Network = None,
) -> None:
    """Checks weights or prepared data and shows what they are.

    Of weights and predictors the card, the atom classes and the sizes they were trained on. Of data the sizes,
    classes, bonds and properties, what looks wrong, and what a training of the default length would take here.

    Examples: moldiff info qm9 | moldiff info stores/mine
    """
    from moldiff.pretrained.format import shipped_weights

    stores = [path for path in (Path(source), Path("stores") / source) if os.path.isfile(path / "meta.json")]
    if stores and source not in shipped_weights():
        _show(describe_store(stores[0]))
    else:
        _show(_of_weights(source, network))


def _show(rows: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(show_header=False)
    for name, value in rows.items():
        table.add_row(outside_text(name), outside_text(value, most=10_000))
    show_table(table)


def _of_weights(name: str, network: str | None) -> dict[str, str]:
    from rich.markdown import Markdown

    from moldiff.pretrained.bundle import load_pretrained
    from moldiff.pretrained.foreign import network_of
    from moldiff.pretrained.format import CONFIG, find_weights, read_json
    from moldiff.pretrained.property_predictor import PropertyPredictor

    if read_json(find_weights(name) / CONFIG).get("format") == "moldiff-predictor":
        predictor = PropertyPredictor.from_pretrained(name)
        show_table(Markdown(plain_lines(predictor.card), hyperlinks=False))
        rows = _of_statistics(predictor.statistics, predictor.network)
        return rows | {"predicts": _ranges(predictor.targets), "network": _settings(predictor.config.network)}
    bundle, inside = load_pretrained(name, network=network_of(network)), PropertyPredictor.inside(name)
    show_table(Markdown(plain_lines(bundle.card), hyperlinks=False))
    process = bundle.config.process
    return _of_statistics(bundle.statistics, bundle.denoiser) | {
        "conditions": _ranges(bundle.statistics.conditions),
        "predictor inside": _ranges(inside.targets if inside else ()),
        "noise": ", ".join(f"{part} {getattr(process, part).kind}" for part in ("pos", "atom", "bond"))
        + f"; classes {process.prior}",
        "sampler": _settings(bundle.sampler, leaving_out={"x0_std"}),
        "network": _network(bundle.config),
    }


def _network(config: "ModelConfig") -> str:
    if config.network_class is None:
        return _settings(config.network)
    return ", ".join([config.network_class, *(f"{key} {value}" for key, value in config.network_options.items())])


def _of_statistics(statistics: "Statistics", network: "Module") -> dict[str, str]:
    """What bundles of all kinds have."""
    sizes = statistics.whole_sizes
    common = max(sizes, key=lambda size: sizes[size])
    shares = zip(statistics.vocabulary, statistics.atom_marginals, strict=True)
    return {
        "parameters": f"{sum(parameter.numel() for parameter in network.parameters()):,}",
        "trained on": f"{statistics.num_molecules:,} molecules",
        "atoms": f"{min(sizes)} to {max(sizes)}, most often {common}",
        **statistics.domain.rows(),
        "atom classes": "  ".join(f"{label} {100 * share:.3g} %" for label, share in shares),
    }


def _ranges(conditions: "Sequence[Condition]") -> str:
    return "  ".join(f"{condition.name}: {condition.range}" for condition in conditions) or "none"


def _settings(config: "Config", leaving_out: set[str] | None = None) -> str:
    return ", ".join(f"{key} {value}" for key, value in config.model_dump(exclude=leaving_out).items())
