"""Molecules of a page: pictures, figures to sort by, and the record to look at in 3D and to download."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moldiff.chem.descriptors import DESCRIPTORS, descriptors
from moldiff.chem.molecule import Failure
from moldiff.chem.validity import Record, Verdict
from moldiff.io.sdf import record_text
from moldiff.metrics.checks import CHECKS, CheckResult
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

    def __post_init__(self) -> None:
        self._count: Counter[str] = Counter()

    def add(self, record: Record, verdict: Verdict) -> None:
        """Takes the next record if it is to be shown."""
        self._count["records"] += 1
        self._count["valid"] += verdict.valid
        shown = len(self.entries) < self.most
        reason = "" if verdict.failure is None else verdict.failure.reason
        example = bool(reason) and len(self.examples.get(reason, ())) < EXAMPLES
        if not shown and not example:
            return
        entry = _entry(record, verdict, self._count["records"], self._count["valid"] - 1)
        if shown:
            self.entries.append(entry)
        if example:
            self.examples.setdefault(reason, []).append(entry)

    def with_figures(self, checks: Mapping[str, CheckResult]) -> list[dict[str, Any]]:
        """The entries with what there is to sort by: descriptors, and results of checks."""
        valid = [entry for entry in self.entries if entry["smiles"]]
        for entry in valid:
            for row in descriptors([entry["smiles"]]).tolist():  # none where RDKit does not read its own SMILES
                values = dict(zip(DESCRIPTORS, row, strict=True))
                entry["figures"] |= {head: round(values[name], digits) for name, (head, digits) in FIGURES.items()}
            for name, check in checks.items():
                for result in check.results[entry["valid_number"] :][:1]:  # none beyond those checked
                    entry["figures"] |= {} if isinstance(result, Failure) else _figures(name, result)
        return self.entries


def _figures(check: str, result: Mapping[str, float | bool]) -> dict[str, float]:
    return {
        f"{check} {name}{f', {CHECKS[check].units[name]}' if name in CHECKS[check].units else ''}": round(value, 3)
        for name, value in result.items()
        if name == "all" or not isinstance(value, bool)
    }


def _entry(record: Record, verdict: Verdict, number: int, valid_number: int) -> dict[str, Any]:
    failure = verdict.failure
    readable = not isinstance(record, Failure)
    return {
        "number": number,
        "valid_number": valid_number,
        "name": plain(verdict.name),
        "smiles": verdict.stereo_smiles,
        "reason": "" if failure is None else failure.reason,
        "detail": "" if failure is None else plain(failure.detail),
        "figures": {"atoms": verdict.num_atoms} if readable else {},
        "picture": formula_svg(record) if readable else "",
        "record": record_text(record) if readable else "",
    }


def figure_names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """All that some entry can be sorted by."""
    return list(dict.fromkeys(name for entry in entries for name in entry["figures"]))
