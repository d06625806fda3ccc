"""Records looked at one by one, by the strict rules and by others, in this process or in several."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from moldiff.chem.border import convert, packed, unpacked
from moldiff.chem.bounded import bounded_map
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Record, Verdict, judge
from moldiff.scoring.protocols import PROTOCOLS, Judged

FEW = 2000  # records that are done before other processes have started
CHUNK, CHUNK_SECONDS = 64, 60.0  # records that go to a process together, and how long they may take there


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

    A record that ends its process, or keeps it for too long, is a failure, and costs no other.
    """
    records = iter(records)
    first = list(islice(records, FEW)) if num_workers > 1 else []
    if num_workers == 1 or len(first) < FEW:
        yield from map(rules.examine, chain(first, records))
        return
    waiting: list[Sequence[Record]] = []

    def chunks() -> Iterator[tuple[Rules, list[Molecule | Failure | bytes]]]:
        rest = chain(first, records)
        while chunk := list(islice(rest, CHUNK)):
            waiting.append(chunk)
            yield _sendable(rules, chunk)

    for result in bounded_map(_examine_chunk, chunks(), seconds=CHUNK_SECONDS, num_workers=num_workers):
        chunk = waiting.pop(0)
        yield from _one_by_one(rules, chunk) if isinstance(result, Failure) else result


def _one_by_one(rules: Rules, chunk: Sequence[Record]) -> Iterator[Examined]:
    alone = (_sendable(rules, [record]) for record in chunk)
    for result in bounded_map(_examine_chunk, alone, seconds=CHUNK_SECONDS, num_workers=1):
        yield Examined(Verdict(failure=result)) if isinstance(result, Failure) else result[0]


def _sendable(rules: Rules, chunk: Sequence[Record]) -> tuple[Rules, list[Molecule | Failure | bytes]]:
    return rules, [record if isinstance(record, Molecule | Failure) else packed(record) for record in chunk]


def _examine_chunk(item: tuple[Rules, list[Molecule | Failure | bytes]]) -> list[Examined]:
    rules, chunk = item
    return [rules.examine(unpacked(record) if isinstance(record, bytes) else record) for record in chunk]
