"""GEOM-Drugs as it is distributed: `drugs_crude.msgpack`, also packed in a `.tar.gz`. Its pickles are not read."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from moldiff.chem.bond_assignment import assign
from moldiff.chem.molecule import Failure, Molecule
from moldiff.data.sources.base import Source, random_split
from moldiff.errors import DataError, FileFormatError
from moldiff.runtime.optional import need_packages

CONFORMERS = 5  # of lowest energy, as Vignac et al. 2023 (MiDi), arXiv:2302.09048, take
ENERGIES = {
    "relativeenergy": "kcal/mol",
    "totalenergy": "hartree",
}  # of a conformer, and their units
CHUNK = 100  # conformers


class Conformer(NamedTuple):
    """One geometry: SMILES, name, rows of atomic number and coordinates (Å), and its properties."""

    smiles: str
    name: str
    xyz: Float[np.ndarray, "n 4"]
    properties: dict[str, float]


def is_geom(path: Path) -> bool:
    """Whether a file is one of GEOM's by its name."""
    return path.name.endswith((".msgpack", ".msgpack.tar.gz"))


def geom_source(path: str | Path, *, num_molecules: int | None = None) -> Source:
    """Conformers of lowest energy of each molecule; all of a molecule go to one split.

    Args:
        path: `drugs_crude.msgpack`, or the archive that holds it.
        num_molecules: the first so many molecules only.

    Returns:
        The source; a file that is none of GEOM is a `FileFormatError` when its first record is read.

    Source: Axelrod and Gómez-Bombarelli 2022, Sci. Data 9, 185.
    """
    need_packages(["msgpack"], what="GEOM", extra="geom")
    path, owner = Path(path), []

    def records() -> Iterator[Conformer]:
        for number, (smiles, entry) in enumerate(islice(_molecules(path), num_molecules), start=1):
            for conformer in _lowest(path, smiles, entry, number):
                owner.append(number - 1)
                yield conformer

    def split(total: int, seed: int) -> Int[np.ndarray, "m"]:
        del total
        return random_split(owner[-1] + 1, seed)[np.array(owner)]

    origin = {"file": path.name, "conformers": CONFORMERS, "geometry": "GFN2-xTB, CREST"}
    rule = "random 80 / 10 / 10 % of the molecules, all conformers of one together, numpy RandomState(seed)"
    return Source("geom-drugs", records(), None, read_geom, origin, split, rule, chunk=CHUNK, units=ENERGIES)


def read_geom(record: Conformer) -> tuple[Molecule, str] | Failure:
    """The molecule of a conformer, with the bonds and charges of its SMILES."""
    elements = np.round(record.xyz[:, 0]).astype(np.int64)
    found = assign(elements, record.xyz[:, 1:], record.smiles, name=record.name, properties=record.properties)
    return found if isinstance(found, Failure) else (found, record.smiles)


def _lowest(path: Path, smiles: str, entry: Any, number: int) -> Iterator[Conformer]:
    try:
        conformers = sorted(entry["conformers"], key=lambda conformer: conformer["totalenergy"])
        for place, conformer in enumerate(conformers[:CONFORMERS], start=1):
            xyz = np.array(conformer["xyz"], dtype=np.float64)
            if xyz.ndim != 2 or xyz.shape[1] != 4:
                raise ValueError(f"coordinates of shape {xyz.shape}")
            properties = {key: float(conformer[key]) for key in ENERGIES if key in conformer}
            yield Conformer(smiles, f"geom_{number}_{place}", xyz, properties)
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"{path}: molecule {number}, {smiles}: not as in drugs_crude.msgpack: {error!r}"
        ) from error


def _molecules(path: Path) -> Iterator[tuple[str, Any]]:
    """SMILES and entry of each molecule; the file is a sequence of dictionaries of a thousand molecules."""
    import msgpack

    with _opened(path) as stream:
        unpacker = msgpack.Unpacker(stream, strict_map_key=False)
        try:
            for block in unpacker:
                if not isinstance(block, dict):
                    raise FileFormatError(f"{path}: holds a {type(block).__name__}, expected molecules by their SMILES")
                yield from block.items()
        except (ValueError, EOFError, OSError, msgpack.UnpackException) as error:
            raise FileFormatError(f"{path}: is truncated or no msgpack file: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        if path.suffix != ".gz":
            with path.open("rb") as stream:
                yield stream
            return
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith(".msgpack") else None
                if stream is not None:
                    yield stream
                    return
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    raise FileFormatError(f"{path}: has no .msgpack file in it")
