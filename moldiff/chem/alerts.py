"""Structural alerts: parts of molecules that medicinal chemists avoid."""

from functools import cache

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

# BRENK: Brenk et al. 2008, ChemMedChem 3, 435. NIH: Jadhav et al. 2010, J. Med. Chem. 53, 37, and Doveston et al. 2015,
# Org. Biomol. Chem. 13, 859. PAINS: Baell and Holloway 2010, J. Med. Chem. 53, 2719.
CATALOGS = ("BRENK", "NIH", "PAINS")


def alerts(mol: Chem.Mol) -> dict[str, tuple[str, ...]]:
    """Names of the alerts that a molecule has, by catalog.

    Args:
        mol: sanitised, hydrogens implicit.

    Returns:
        Names of the patterns of RDKit's catalogs that match, each once, in the catalog's order; all `CATALOGS`.
    """
    return {name: tuple(match.GetDescription() for match in _catalog(name).GetMatches(mol)) for name in CATALOGS}


@cache
def _catalog(name: str) -> FilterCatalog:
    """Of RDKit; read once a process, in half a second."""
    chosen = FilterCatalogParams()
    chosen.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(chosen)
