"""What of an input was left out, and why: a few lines for the terminal, and a table of all for a file."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from itertools import count, filterfalse, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from moldiff.cli._options import with_option_names
from moldiff.tasks.refused import Refused

if TYPE_CHECKING:
    from moldiff.generation.sample import Sample


Failures = Annotated[
    Path | None, Option("--failures", help="Write all that was refused or failed, and why, to this new .csv file.")
]
MOST_LISTED = 10  # of a kind
COLUMNS = ("record", "name", "sample", "reason", "detail")


class Refusals:
    """Lists the first refused records and failed samples, counts all, and writes all to a table if one is given.

    Args:
        refused: by a label that names the file and the record.
        path: of the table; none is written without.
        num_each: samples of each record that is not refused.
        tell: shows a line.
    """

    def __init__(
        self, refused: Mapping[str, Refused], path: Path | None, *, num_each: int, tell: Callable[[str], object]
    ) -> None:
        self.refused, self.path, self.num_each = refused, path, num_each
        self.tell = lambda line: tell(with_option_names(line))
        self.reasons = Counter[str]()
        numbers = {one.number for one in refused.values()}
        self._numbers = filterfalse(numbers.__contains__, count(1))  # of the records that are not refused
        self._known: list[int] = []

    def __enter__(self) -> "Refusals":
        from moldiff.metrics.export import CsvTable

        with ExitStack() as files:
            table = None if self.path is None else CsvTable(self.path, COLUMNS, overwrite=False)
            self._table = None if table is None else files.enter_context(table)
            for one in self.refused.values():
                self._row(one.number, one.name, "", one.reason, one.detail)
            self._files = files.pop_all()
        self._list_some((f"{label}: {one}" for label, one in self.refused.items()), len(self.refused))
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, sample: "Sample", reason: str, detail: str) -> None:
        """A sample that failed."""
        self.reasons[reason] += 1
        name = sample.molecule.name if sample.molecule is not None else ""
        item, number = divmod(sample.index, self.num_each)
        self._row(self._number(item), name, number + 1, reason, detail)
        if self.reasons.total() <= MOST_LISTED:
            self.tell(f"{name or 'sample'} ({sample.index + 1}): {reason}: {detail}")

    def summary(self) -> str:
        """Counts by reason, for the end of a line; empty if nothing failed."""
        parts = [f"{number} {reason}" for reason, number in self.reasons.most_common()]
        if self.refused:
            reasons = Counter(one.reason for one in self.refused.values())
            why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
            records = "" if self.num_each == 1 else f" of {len(self.refused)} records"
            parts.append(f"{len(self.refused) * self.num_each} refused{records} ({why})")
        return f"; {', '.join(parts)}" if parts else ""

    def close_with_count(self) -> None:
        """Says how many failed samples were not listed."""
        self._more(self.reasons.total())

    def _list_some(self, lines: Iterable[str], total: int) -> None:
        for line in islice(lines, MOST_LISTED):
            self.tell(line)
        self._more(total)

    def _more(self, total: int) -> None:
        if total > MOST_LISTED:
            where = "--failures FILE lists all" if self.path is None else f"all are in {self.path}"
            self.tell(f"and {total - MOST_LISTED} more; {where}")

    def _number(self, item: int) -> int:
        self._known += islice(self._numbers, max(0, item + 1 - len(self._known)))
        return self._known[item]

    def _row(self, *cells: object) -> None:
        if self._table is not None:
            self._table.row(cells)
