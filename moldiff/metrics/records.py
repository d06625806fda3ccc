"""Records examined one by one, by the strict rules and by older protocols, in this process or in several."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

from moldiff.chem.descriptors import num_independent_rings
from moldiff.chem.molecule import MAX_ATOMS, Failure, Molecule
from moldiff.chem.process_pool import map_in_processes
from moldiff.chem.rdkit_conversion import convert, pack_mol, title, unpack_mol
from moldiff.chem.validity import Record, Verdict, judge_mol
from moldiff.metrics.molecule_chemistry import MoleculeChemistry, describe
from moldiff.metrics.protocols import PROTOCOLS, ProtocolVerdict

FEW = 2000  # records that one process examines before others have started
CHUNK, CHUNK_SECONDS = 64, 60.0  # records that go to a process together, and how long they may take there
MOST_RINGS_HERE = 20  # RDKit is done with so many in 0.4 s, and never with a ladder of 49; a process starts in a second


@dataclass(frozen=True, eq=False)
class Examination:
    """What was found of one record.

    Attributes:
        verdict: strict.
        by_protocol: verdicts of the older protocols, in their order; none for a record that is not read.
        molecule: of a valid record, if it is to be kept.
        chemistry: of a valid record, if it is to be described and RDKit reads its canonical SMILES.
    """

    verdict: Verdict
    by_protocol: tuple[ProtocolVerdict, ...] = ()
    molecule: Molecule | None = None
    chemistry: MoleculeChemistry | None = None


@dataclass(frozen=True)
class Rules:
    """How records are examined.

    Attributes:
        protocols: names of older protocols.
        keep: whether valid molecules are returned as well.
        describe: whether they are described for a chemist.
    """

    protocols: tuple[str, ...] = ()
    keep: bool = False
    describe: bool = False

    def examine(self, record: Record) -> Examination:
        """Examines one record."""
        verdict, mol = judge_mol(record)
        if isinstance(record, Failure) or not verdict.read:
            return Examination(verdict)
        by_protocol = tuple(PROTOCOLS[name].judge(record) for name in self.protocols)
        kept = (record if isinstance(record, Molecule) else convert(record)) if self.keep and verdict.valid else None
        found = None if mol is None or not self.describe else describe(mol, canonical=verdict.smiles)
        return Examination(
            verdict,
            by_protocol,
            kept if isinstance(kept, Molecule) else None,
            found if isinstance(found, MoleculeChemistry) else None,
        )


def examine_all(records: Iterable[Record], rules: Rules, *, num_workers: int = 1) -> Iterator[Examination]:
    """Examines all records, in order; with more than one worker in other processes, unless the records are few.

    A record that ends its process, or takes longer than `CHUNK_SECONDS`, is a failure, and costs no other. A record
    with more than `MOST_RINGS_HERE`, which may take for ever, is never examined in this process.
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


def _here(rules: Rules, records: Iterable[Record]) -> Iterator[Examination]:
    """Records in this process, but those with many rings; the process for these starts with the first of them."""
    intricate: list[Record] = []
    with closing(_one_by_one(rules, iter(intricate.pop, None))) as elsewhere:  # read only when there is one
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
    return size <= MAX_ATOMS and num_independent_rings(record) > MOST_RINGS_HERE


def _one_by_one(rules: Rules, records: Iterable[Record]) -> Generator[Examination, None, None]:
    names: deque[str] = deque()

    def alone() -> Iterator[tuple[Rules, list[Molecule | Failure | bytes]]]:
        for record in records:
            names.append(title(record))
            yield _sendable(rules, [record])

    for result in map_in_processes(_examine_chunk, alone(), seconds=CHUNK_SECONDS, num_workers=1):
        name = names.popleft()
        yield Examination(Verdict(name=name, failure=result)) if isinstance(result, Failure) else result[0]


def _sendable(rules: Rules, chunk: list[Record]) -> tuple[Rules, list[Molecule | Failure | bytes]]:
    return rules, [record if isinstance(record, Molecule | Failure) else pack_mol(record) for record in chunk]


def _examine_chunk(item: tuple[Rules, list[Molecule | Failure | bytes]]) -> list[Examination]:
    rules, chunk = item
    return [rules.examine(unpack_mol(record) if isinstance(record, bytes) else record) for record in chunk]
