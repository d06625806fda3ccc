"""Molecules of a page: pictures, figures to sort by, and the record to look at in 3D and to download."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moldiff.chem.descriptors import DESCRIPTORS, descriptors
from moldiff.chem.molecule import Failure
from moldiff.chem.validity import Record
from moldiff.io.sdf import record_text
from moldiff.metrics.checks import CHECKS
from moldiff.metrics.molecule_row import MoleculeRow
from moldiff.runtime.plain_text import plain
from moldiff.viz.depict import formula_svg

EXAMPLES = 4  # of each reason
FIGURES = {  # heading, digits
    "weight": ("weight, g/mol", 1),
    "qed": ("QED", 3),
    "logp": ("logP", 2),
    "sa": ("synthetic accessibility", 2),
    "rings": ("rings", 0),
}


@dataclass
class Gallery:
    """The first records of a file, and the first of each way to fail.

    Attributes:
        most: records to show, beside the examples of failures.
        entries: those shown, in order.
        examples: by reason.
    """

    most: int
    entries: list[dict[str, Any]] = field(default_factory=list)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, record: Record, row: MoleculeRow) -> None:
        """Takes the next record if it is to be shown."""
        verdict = row.verdict
        shown = len(self.entries) < self.most
        reason = "" if verdict.failure is None else verdict.failure.reason
        example = bool(reason) and len(self.examples.get(reason, ())) < EXAMPLES
        if not shown and not example:
            return
        entry = _entry(record, row)
        if shown:
            self.entries.append(entry)
        if example:
            self.examples.setdefault(reason, []).append(entry)

    def with_figures(self) -> list[dict[str, Any]]:
        """The entries with what there is to sort by."""
        for entry in self.entries:
            if entry["smiles"]:
                for row in descriptors([entry["smiles"]]).tolist():  # none where RDKit does not read its own SMILES
                    values = dict(zip(DESCRIPTORS, row, strict=True))
                    entry["figures"] |= {head: round(values[name], digits) for name, (head, digits) in FIGURES.items()}
        return self.entries


def _figures(row: MoleculeRow) -> dict[str, Any]:
    """Numbers of atoms and alerts, what is known of the rings, and results of checks."""
    figures: dict[str, Any] = {"atoms": row.verdict.num_atoms}
    if row.chemistry is not None:
        figures |= {"alerts": sum(map(len, row.chemistry.alerts.values())), "plausible": int(row.chemistry.plausible)}
    if row.unknown_ring_systems is not None:
        figures["unknown ring systems"] = len(row.unknown_ring_systems)
    for check, result in row.checks.items():
        if not isinstance(result, Failure):
            units = CHECKS[check].units
            figures |= {
                f"{check} {name}{f', {units[name]}' if name in units else ''}": round(value, 3)
                for name, value in result.items()
                if name == "all" or not isinstance(value, bool)
            }
    return figures


def _entry(record: Record, row: MoleculeRow) -> dict[str, Any]:
    verdict, failure = row.verdict, row.verdict.failure
    readable = not isinstance(record, Failure)
    return {
        "number": row.number,
        "name": plain(verdict.name),
        "smiles": verdict.stereo_smiles,
        "reason": "" if failure is None else failure.reason,
        "detail": "" if failure is None else plain(failure.detail),
        "figures": _figures(row) if readable else {},
        "picture": formula_svg(record) if readable else "",
        "record": record_text(record) if readable else "",
    }


def figure_names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """All that some entry can be sorted by."""
    return list(dict.fromkeys(name for entry in entries for name in entry["figures"]))
