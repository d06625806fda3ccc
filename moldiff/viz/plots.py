"""Distributions of a sample beside those of the data, as pictures inside a page."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
from jaxtyping import Float

from moldiff.chem.molecule import Molecule
from moldiff.metrics.checks import CHECKS, CheckResult
from moldiff.metrics.geometry import Measured, atom_name, bond_name, measure

SETS = (("sample", "#d1495b"), ("data", "#30638e"))  # label and colour, in the order of all that is drawn
MOST_TYPES, MOST_CLASSES, FEWEST, NUM_BINS = 6, 10, 30, 60  # FEWEST values of a type that is shown
Typed = tuple[np.ndarray, np.ndarray]  # types and values, as many


def plots(sample: Sequence[Molecule], data: Measured | None) -> dict[str, str]:
    """Pictures of everything that distances are taken of, by title.

    Args:
        sample: valid molecules.
        data: what molecules of the reference measure.

    Returns:
        `<svg>` elements; none of no molecules.
    """
    if not sample:
        return {}
    measured = [measure(sample), *([] if data is None else [data])]
    pictures = {
        "Bond lengths by type, Å": _histograms([one.lengths for one in measured], bond_name),
        "Bond angles by centre, degrees": _histograms([one.angles for one in measured], atom_name),
        "Torsions by central bond, degrees": _histograms([one.torsions for one in measured], bond_name),
        "Composition": _compositions(measured),
    }
    return {title: picture for title, picture in pictures.items() if picture}


def strain_plot(sample: Mapping[str, CheckResult], data: Mapping[str, CheckResult]) -> str:
    """Energies above the nearest minimum, of each method; nothing if none was computed."""
    names = [name for name, seen in sample.items() if "energy" in seen.quartiles]
    if not names:
        return ""
    figure, axes = _figure(len(names), 2)
    for axis, name in zip(axes, names, strict=False):
        sets = [_energies(seen[name]) for seen in (sample, data) if name in seen]
        low, high = 0.0, max(float(np.percentile(values, 98)) for values in sets)
        _lines(axis, sets, np.linspace(low, max(high, 1e-3), 40))
        axis.set_title(f"{name}, {CHECKS[name].units['energy']}", fontsize=9)
    return _svg(figure)


def _energies(seen: CheckResult) -> Float[np.ndarray, "values"]:
    return np.array([result["energy"] for result in seen.found], dtype=np.float64)


def _histograms(sets: Sequence[Typed], name: Callable[[int], str]) -> str:
    """Of the most frequent types of the last set, the data where there is one."""
    common = Counter(sets[-1][0].tolist()).most_common(MOST_TYPES)
    kinds = [kind for place, (kind, count) in enumerate(common) if count >= FEWEST or place == 0]
    if not kinds:
        return ""
    figure, axes = _figure(len(kinds), 3)
    for axis, kind in zip(axes, kinds, strict=False):
        values = [of[types == kind] for types, of in sets]
        low, high = np.percentile(values[-1], (0.1, 99.9))
        margin = 0.05 * (high - low) + 1e-3
        _lines(axis, values, np.linspace(low - margin, high + margin, NUM_BINS))
        axis.set_title(name(kind), fontsize=9)
    return _svg(figure)


def _compositions(measured: Sequence[Measured]) -> str:
    kinds: dict[str, tuple[list[np.ndarray], Callable[[int], str]]] = {
        "atoms of a molecule": ([one.sizes for one in measured], str),
        "rings of a molecule": ([one.rings for one in measured], str),
        "atom classes": ([one.atoms for one in measured], atom_name),
        "bond classes": ([one.lengths[0] for one in measured], bond_name),
    }
    figure, axes = _figure(len(kinds), 2)
    for axis, (title, (sets, name)) in zip(axes, kinds.items(), strict=True):
        counts = [Counter(of.tolist()) for of in sets]
        shown = [kind for kind, _ in counts[-1].most_common(MOST_CLASSES)]
        if name is str:  # a number: all of them, in order
            shown = list(range(min(map(min, counts)), max(map(max, counts)) + 1))
        width = 0.8 / len(counts)
        for place, (count, (label, colour)) in enumerate(zip(counts, SETS, strict=False)):
            shares = [100 * count[kind] / max(1, count.total()) for kind in shown]
            axis.bar(np.arange(len(shown)) + place * width, shares, width, color=colour, label=label)
        step = max(1, len(shown) // MOST_CLASSES)
        axis.set_xticks(np.arange(len(shown))[::step], [name(kind) for kind in shown][::step], fontsize=8)
        axis.set_title(f"{title}, %", fontsize=9)
    axes[0].legend(fontsize=7, frameon=False)
    return _svg(figure)


def _lines(axis: Any, sets: Sequence[np.ndarray], bins: np.ndarray) -> None:
    for values, (label, colour) in zip(sets, SETS, strict=False):
        if len(values):
            axis.hist(values, bins, density=True, histtype="step", color=colour, label=label, linewidth=1.2)
    if len(sets) > 1:
        axis.legend(fontsize=7, frameon=False)


def _figure(count: int, columns: int) -> tuple[Any, list[Any]]:
    """An empty picture with so many axes; without a global state of matplotlib."""
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    figure = Figure(figsize=(3.2 * columns, 2.2 * rows), layout="constrained")
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    for axis in axes:
        axis.tick_params(labelsize=8)
        axis.set_yticks([])
        axis.spines[["top", "right", "left"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> str:
    from matplotlib import rc_context

    text = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "moldiff"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
