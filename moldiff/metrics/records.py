"""Records looked at one by one, by the strict rules and by others, in this process or in several."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

from moldiff.chem.descriptors import num_independent_rings
from moldiff.chem.molecule import MAX_ATOMS, Failure, Molecule
from moldiff.chem.process_pool import map_in_processes
from moldiff.chem.rdkit_conversion import convert, packed, title, unpacked
from moldiff.chem.validity import Record, Verdict, judge
from moldiff.metrics.protocols import PROTOCOLS, Judged

FEW = 2000  # records that are done before other processes have started
CHUNK, CHUNK_SECONDS = 64, 60.0  # records that go to a process together, and how long they may take there
MOST_RINGS = 20  # RDKit is done with so many in 0.4 s, and never with a ladder of 49; a process starts in a second


@dataclass(frozen=True, eq=False)
class Examined:
    """What is known of one record.

    Attributes:
        verdict: strict.
        judged: by the older protocols that were asked for, in their order; nothing of a record that is not read.
        molecule: if it is valid and was asked for.
    """

    verdict: Verdict
    judged: tuple[Judged, ...] = ()
    molecule: Molecule | None = None


@dataclass(frozen=True)
class Rules:
    """What to look at.

    Attributes:
        protocols: names of older protocols.
        keep: give valid molecules, too.
    """

    protocols: tuple[str, ...] = ()
    keep: bool = False

    def examine(self, record: Record) -> Examined:
        """Looks at one record."""
        verdict = judge(record)
        if isinstance(record, Failure) or not verdict.read:
            return Examined(verdict)
        judged = tuple(PROTOCOLS[name].judge(record) for name in self.protocols)
        kept = (record if isinstance(record, Molecule) else convert(record)) if self.keep and verdict.valid else None
        return Examined(verdict, judged, kept if isinstance(kept, Molecule) else None)


def examine_all(records: Iterable[Record], rules: Rules, *, num_workers: int = 1) -> Iterator[Examined]:
    """Looks at all records, in order; with more than one worker each in a process, unless the records are few.

    A record that ends its process, or keeps it for longer than `CHUNK_SECONDS`, is a failure, and costs no other. What
    is done in this process is what cannot take long; a record with more than `MOST_RINGS` always goes to another one.
    """
    records = iter(records)
    first = list(islice(records, FEW)) if num_workers > 1 else []
    if num_workers == 1 or len(first) < FEW:
        yield from _here(rules, chain(first, records))
        return
    waiting: list[list[Record]] = []

    def chunks() -> Iterator[tuple[Rules, list[Molecule | Failure | bytes]]]:
        rest = chain(first, records)
        while chunk := list(islice(rest, CHUNK)):
            waiting.append(chunk)
            yield _sendable(rules, chunk)

    for result in map_in_processes(_examine_chunk, chunks(), seconds=CHUNK_SECONDS, num_workers=num_workers):
        chunk = waiting.pop(0)
        yield from _one_by_one(rules, chunk) if isinstance(result, Failure) else result


def _here(rules: Rules, records: Iterable[Record]) -> Iterator[Examined]:
    """Records in this process, but those with many rings; the process for these starts with the first of them."""
    intricate: list[Record] = []
    with closing(_one_by_one(rules, iter(intricate.pop, None))) as elsewhere:  # asked only when there is one
        for record in records:
            if _is_intricate(record):
                intricate.append(record)
                yield next(elsewhere)
            else:
                yield rules.examine(record)


def _is_intricate(record: Record) -> bool:
    if isinstance(record, Failure):
        return False
    size = len(record) if isinstance(record, Molecule) else record.GetNumAtoms()
    return size <= MAX_ATOMS and num_independent_rings(record) > MOST_RINGS


def _one_by_one(rules: Rules, records: Iterable[Record]) -> Generator[Examined, None, None]:
    names: deque[str] = deque()

    def alone() -> Iterator[tuple[Rules, list[Molecule | Failure | bytes]]]:
        for record in records:
            names.append(title(record))
            yield _sendable(rules, [record])

    for result in map_in_processes(_examine_chunk, alone(), seconds=CHUNK_SECONDS, num_workers=1):
        name = names.popleft()
        yield Examined(Verdict(name=name, failure=result)) if isinstance(result, Failure) else result[0]


def _sendable(rules: Rules, chunk: list[Record]) -> tuple[Rules, list[Molecule | Failure | bytes]]:
    return rules, [record if isinstance(record, Molecule | Failure) else packed(record) for record in chunk]


def _examine_chunk(item: tuple[Rules, list[Molecule | Failure | bytes]]) -> list[Examined]:
    rules, chunk = item
    return [rules.examine(unpacked(record) if isinstance(record, bytes) else record) for record in chunk]
