"""The registry of data sets: a new one is a file and a line here, or `register_source`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moldiff.data.sources.base import Source
from moldiff.data.sources.chembl import chembl_source
from moldiff.data.sources.files import file_source
from moldiff.data.sources.geom_drugs import geom_source, is_geom
from moldiff.data.sources.moses import moses_source
from moldiff.data.sources.qm9 import qm9pack_source
from moldiff.data.sources.qm9_raw import qm9_file_source
from moldiff.data.sources.smiles import smiles_source
from moldiff.errors import ConfigError, DataError
from moldiff.io.formats import SMILES_SUFFIXES, format_of


@dataclass(frozen=True)
class SourceOptions:
    """What a user can say of a data set.

    Attributes:
        from_file: a file fetched by hand, in the place of a package.
        num_molecules: how many; None means all.
        seed: of a random choice, of conformers and of a random split.
    """

    from_file: Path | None = None
    num_molecules: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class DataSet:
    """A data set that has a name.

    Attributes:
        open: makes the source.
        takes_file: whether `from_file` is of use to it.
        takes_number: whether `num_molecules` is.
    """

    open: Callable[[SourceOptions], Source]
    takes_file: bool = False
    takes_number: bool = False


def _qm9(options: SourceOptions) -> Source:
    return qm9pack_source() if options.from_file is None else qm9_file_source(options.from_file)


def _moses3d(options: SourceOptions) -> Source:
    return moses_source(options.from_file, num_molecules=options.num_molecules, seed=options.seed)


def _chembl3d(options: SourceOptions) -> Source:
    return chembl_source(options.from_file, num_molecules=options.num_molecules, seed=options.seed)


SOURCES: dict[str, DataSet] = {
    "qm9": DataSet(_qm9, takes_file=True),
    "moses3d": DataSet(_moses3d, takes_file=True, takes_number=True),
    "chembl3d": DataSet(_chembl3d, takes_file=True, takes_number=True),
}


def register_source(
    name: str, make: Callable[[SourceOptions], Source], *, takes_file: bool = False, takes_number: bool = False
) -> None:
    """Adds a data set, for `prepare(name, ...)`.

    Args:
        name: of the data set.
        make: makes the source from the options.
        takes_file: whether `from_file` is of use to it.
        takes_number: whether `num_molecules` is.

    Raises:
        ConfigError: if there is one of that name.
    """
    if name in SOURCES:
        raise ConfigError(f"data set {name!r}: there is one of that name")
    SOURCES[name] = DataSet(make, takes_file, takes_number)


def open_source(source: str | Path, options: SourceOptions) -> Source:
    """The source of a data set's name, or of a file of molecules.

    Args:
        source: the name, or the path of a file.
        options: of the user.

    Returns:
        The source.

    Raises:
        DataError: if there is no such data set or file, or an option is of no use to it.
    """
    named = SOURCES.get(str(source))
    geom = named is None and is_geom(Path(source))
    if options.num_molecules is not None and not geom and (named is None or not named.takes_number):
        names = _names(lambda data: data.takes_number)
        raise DataError(f"source {str(source)!r}: a number of molecules goes with {names} and GEOM only")
    if options.from_file is not None and (named is None or not named.takes_file):
        names = _names(lambda data: data.takes_file)
        raise DataError(f"source {str(source)!r} with a file {str(options.from_file)!r}: a file goes with {names} only")
    if named is not None:
        return named.open(options)
    try:
        there = Path(source).is_file()
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error
    if not there:
        names = ", ".join(map(repr, SOURCES))
        raise DataError(f"{source}: expected {names} or a molecule file, and there is no such file")
    if not os.access(source, os.R_OK):
        raise DataError(f"{source}: cannot be read: Permission denied")
    if geom:
        return geom_source(source, num_molecules=options.num_molecules)
    is_list = format_of(source) in SMILES_SUFFIXES
    return smiles_source(source, seed=options.seed) if is_list else file_source(source)


def _names(chosen: Callable[[DataSet], bool]) -> str:
    return " and ".join(name for name, data in SOURCES.items() if chosen(data))
