"""Structural alerts: parts of molecules that medicinal chemists avoid."""

import re
from functools import cache

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogEntry, FilterCatalogParams

from moldiff.chem.substructure_screen import SubstructureScreen

# BRENK: Brenk et al. 2008, ChemMedChem 3, 435. NIH: Jadhav et al. 2010, J. Med. Chem. 53, 37, and Doveston et al. 2015,
# Org. Biomol. Chem. 13, 859. PAINS: Baell and Holloway 2010, J. Med. Chem. 53, 2719.
CATALOGS = ("BRENK", "NIH", "PAINS")
_PATTERN = re.compile(rb" (\d+) (?=\xef\xbe\xad\xde)")  # length, and how a molecule in RDKit's binary form begins
_ONCE_OR_MORE = b" 1 4294967295 "  # how often the pattern has to match


def alerts(mol: Chem.Mol) -> dict[str, tuple[str, ...]]:
    """Names of the alerts that a molecule has, by catalog.

    Args:
        mol: sanitised, hydrogens implicit.

    Returns:
        Names of the patterns of RDKit's catalogs that match, each once, in the catalog's order; all `CATALOGS`.
    """
    found: dict[str, list[str]] = {name: [] for name in CATALOGS}
    entries, screen = _entries()
    for place in screen.candidates(mol):
        name, entry = entries[place]
        if entry.HasFilterMatch(mol):
            found[name].append(entry.GetDescription())
    return {name: tuple(of) for name, of in found.items()}


@cache
def _entries() -> tuple[list[tuple[str, FilterCatalogEntry]], SubstructureScreen]:
    """Of RDKit's catalogs; read once a process, in half a second."""
    entries = []
    for name in CATALOGS:
        chosen = FilterCatalogParams()
        chosen.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
        catalog = FilterCatalog(chosen)
        entries += [(name, catalog.GetEntryWithIdx(index)) for index in range(catalog.GetNumEntries())]
    return entries, SubstructureScreen([pattern_of(entry) for _, entry in entries])


def pattern_of(entry: FilterCatalogEntry) -> Chem.Mol | None:
    """The SMARTS pattern that an entry searches for; None where it is more than one pattern that matches or not.

    RDKit gives it away only in the entry's binary form: its length, itself, and how often it has to match.
    """
    data = bytes(entry.Serialize())
    found = _PATTERN.search(data)
    if found is None:
        return None
    end = found.end() + int(found[1])
    alone = data[end:].startswith(_ONCE_OR_MORE) and not _PATTERN.search(data, end)
    return Chem.Mol(data[found.end() : end]) if alone else None  # pyright: ignore[reportArgumentType, reportCallIssue]
