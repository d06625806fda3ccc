"""Molecules that fulfil a condition on their figures, as `moldiff filter` keeps them."""

import re
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console

from moldiff.chem.validity import Record
from moldiff.errors import ConfigError
from moldiff.evaluation.references import PathLike, refuse_to_replace
from moldiff.evaluation.scorer import Scorer, ScoringOptions
from moldiff.metrics.checks import CHECKS
from moldiff.metrics.export import open_rows
from moldiff.metrics.molecule_row import CHEMISTRY, TEXTS, Cell, MoleculeRow, check_columns, columns_of
from moldiff.viz.depict import check_free

DEFAULT_CHEMISTRY = "chembl"  # of a condition that needs a reference, and none is given
_NEED_REFERENCE = {"rings_known", "unknown_ring_systems", "novel"}
_FUNCTIONS = {"abs", "coalesce", "ifnull", "instr", "length", "like", "lower", "max", "min", "round", "upper"}
_COMPARED = re.compile(r'"?\s*(=|!=|<|>|(not\s+)?(like|in|between)\b|is\b)', re.IGNORECASE)  # behind a text
_COMPARING = re.compile(r"(=|<|>|\blike|\bis)\s*\"?$", re.IGNORECASE)  # before it
_CALL = re.compile(r"\w+\([^()]*$")
_ALL_COLUMNS = columns_of(described=True, checks=tuple(CHECKS))


class Condition:
    """A condition on the columns of a table of molecules, in the expressions of SQL, by SQLite.

    Comparisons (`== != < <= > >=`), `and`, `or`, `not`, arithmetic, `between`, `in`, `like`, and a few functions such
    as `abs`. A comparison with a figure that a molecule has not is neither true nor false.

    Args:
        text: such as `qed > 0.6 and alerts == 0 and rings_known`.

    Attributes:
        used: columns that it names.

    Raises:
        ConfigError: if it is no such expression, or names an unknown column.
    """

    used: set[str]

    def __init__(self, text: str) -> None:
        self.text, self.used = text, set()
        _refuse_slips(text)
        self._table = sqlite3.connect(":memory:")
        columns = (f'"{name}"{" TEXT" if name in TEXTS else " NUMERIC"}' for name in _ALL_COLUMNS)
        self._table.execute(f"CREATE TABLE molecule ({', '.join(columns)})")
        slots = ", ".join("?" * len(_ALL_COLUMNS))
        self._insert = f"INSERT INTO molecule VALUES ({slots})"
        self._select = f"SELECT ({text}\n) FROM molecule"
        self._table.set_authorizer(self._allow)
        try:
            if len(self._table.execute(self._select).description) != 1:
                raise ConfigError(f"where {text!r}: is more than one condition; join them by and")
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ConfigError(f"where {text!r}: {_explained(str(error))}") from error
        finally:
            self._table.set_authorizer(None)

    def _allow(self, action: int, table: str | None, name: str | None, *rest: Any) -> int:
        """Reads of the table's columns, and some functions; nothing else that SQLite can do."""
        allowed = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_FUNCTION and name in _FUNCTIONS)
        if action == sqlite3.SQLITE_READ and table == "molecule":
            self.used |= {name} if name else set()
            allowed = True
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def holds(self, cells: dict[str, Cell]) -> bool | None:
        """Whether it is true of a row; None if that cannot be decided; a ConfigError if it cannot be computed."""
        self._table.execute("DELETE FROM molecule")
        self._table.execute(self._insert, [cells.get(name) for name in _ALL_COLUMNS])
        try:
            (value,) = self._table.execute(self._select).fetchone()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ConfigError(f"where {self.text!r}: {error}") from error
        if isinstance(value, str):
            raise ConfigError(f"where {self.text!r}: is a text and no condition; compare it with another")
        return None if value is None else bool(value)


def _refuse_slips(text: str) -> None:
    """What SQLite takes without a word and nobody means: texts as truths, in double quotes, and comments."""
    bare = re.sub(r"'[^']*'", "''", text)
    if re.search(r"--|/\*|;", bare):
        raise ConfigError(f"where {text!r}: has ; or a comment; expected such as 'qed > 0.6 and alerts == 0'")
    wrong = [name for name in re.findall(r'"([^"]*)"', bare) if name not in _ALL_COLUMNS]
    if wrong:
        raise ConfigError(f"where {text!r}: no column {wrong[0]!r}; a text stands in single quotes")
    for match in re.finditer(rf"\b({'|'.join(TEXTS)})\b", bare):
        before, behind = bare[: match.start()], bare[match.end() :]
        if not _COMPARED.match(behind) and not _COMPARING.search(before) and not _CALL.search(before):
            raise ConfigError(
                f"where {text!r}: {match[1]} is a text and neither true nor false; compare it, such as "
                f"{match[1]} == '' (there is none)"
            )


def _explained(message: str) -> str:
    unknown = re.match(r"no such column: (\S+)", message)
    if not unknown:
        return f"{message}; expected such as 'qed > 0.6 and alerts == 0 and rings_known'"
    near = get_close_matches(unknown[1], _ALL_COLUMNS, n=3, cutoff=0.5)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"no column {unknown[1]!r}{meant} The columns are those of `moldiff score --csv`"


@dataclass(frozen=True)
class Filtered:
    """What a filter kept.

    Attributes:
        num_records: molecules that came.
        num_kept: of these, those that fulfil the condition.
        num_undecided: of these, those that have not all figures that it needs, such as an invalid one its QED.
        num_left_out: of those kept, those that the file could not take.
        chemistry: reference that ring systems were looked up in; None if that was not needed.
        kept: the records, if they were not written to a file.
    """

    num_records: int
    num_kept: int
    num_undecided: int
    num_left_out: int
    chemistry: str | None
    kept: tuple[Record, ...] = ()


def filter_molecules(
    molecules: PathLike | Iterable[Any],
    where: str,
    out: PathLike | None = None,
    *,
    reference: PathLike | Iterable[PathLike] | set[str] | None = None,
    chemistry: PathLike | None = None,
    check_file: PathLike | None = None,
    overwrite: bool = False,
    num_workers: int | None = None,
    console: Console | None = None,
    report: Callable[[str], None] = warnings.warn,
) -> Filtered:
    """Keeps the molecules that fulfil a condition, under their names and with their tags.

    Args:
        molecules: as of `moldiff.score`.
        where: condition on the columns of `moldiff score --csv`, such as
            `qed > 0.6 and alerts == 0 and rings_known and mmff94_energy < 20`. Checks run on all valid molecules if it
            names their figures.
        out: .sdf (figures become tags), .csv or .smi; None to have the molecules in the result.
        reference: known molecules for novelty; as of `moldiff.score`.
        chemistry: reference for ring systems; by default ChEMBL's summary, if the condition needs one.
        check_file: results of checks are kept here as they come, and those that are there are not made again.
        overwrite: replace the file if it is there.
        num_workers: processes where there are thousands of molecules; by default one a core.
        console: shows progress; None for silence.
        report: called with a line on records of the reference that cannot be used.

    Returns:
        Counts, and the molecules without `out`.

    Raises:
        ConfigError: if the condition cannot be read.
        OutputError: if the file is there and not to be replaced, or cannot be written.
    """
    condition = Condition(where)
    refuse_to_replace(molecules, out)
    checks = tuple(name for name in CHECKS if condition.used & {*check_columns(name).values(), f"{name}_failure"})
    needed = _NEED_REFERENCE - ({"novel"} if reference is not None else set())
    if chemistry is None and condition.used & needed:
        chemistry = DEFAULT_CHEMISTRY
    described = chemistry is not None or bool(condition.used & set(CHEMISTRY))
    options = ScoringOptions(
        reference,
        checks=checks,
        most_checked=sys.maxsize,
        num_workers=num_workers,
        chemistry=chemistry,
        check_file=check_file,
    )
    scorer = Scorer(options, console=console, report=report)
    counts, kept = {True: 0, False: 0, None: 0}, []
    with ExitStack() as files:
        writer = None
        if out is not None:
            check_free(Path(out), overwrite=overwrite)
            columns = columns_of(described=described, checks=checks)
            writer = files.enter_context(open_rows(out, columns, overwrite=overwrite))

        def take(record: Record, row: MoleculeRow) -> None:
            held = condition.holds(row.to_dict(_ALL_COLUMNS))
            counts[held] += 1
            if held and writer is not None:
                writer.add(record, row)
            elif held:
                kept.append(record)

        scorer.score(molecules, describe=described, fcd=False, on_row=take)
    left_out = 0 if writer is None else writer.num_left_out
    used = None if chemistry is None else str(chemistry)
    return Filtered(sum(counts.values()), counts[True], counts[None], left_out, used, tuple(kept))
