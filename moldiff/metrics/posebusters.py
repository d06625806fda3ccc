"""PoseBusters' checks of a molecule by itself; needs the package `posebusters`, of the extra `score`."""

import logging
import warnings
from functools import cache
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.rdDistGeom import EmbedParameters, ETKDGv3

from moldiff.chem.plausibility import PLAUSIBILITY_CHECKS

MOST_ATTEMPTS = 20  # at each conformer; RDKit embeds most at the first, and tries for minutes on some cages that exist
NAMES = (
    "mol_pred_loaded",
    "sanitization",
    PLAUSIBILITY_CHECKS[0],
    "all_atoms_connected",
    "no_radicals",
    *PLAUSIBILITY_CHECKS[1:],
    "internal_energy",
)


def posebusters(mol: Chem.Mol) -> dict[str, bool]:
    """Whether a molecule passes each check that can be made, and `all`: each was made and passed.

    Args:
        mol: sanitised, with a conformer and all its hydrogens.

    Returns:
        Truth by the package's `NAMES`; without `internal_energy` where RDKit does not find 50 conformers to compare
        with in `MOST_ATTEMPTS` each, from a fixed seed.

    Source: Buttenschoen et al. 2024, Chem. Sci. 15, 3130; its configuration `mol`.
    """
    with warnings.catch_warnings(), rdBase.BlockLogs():
        warnings.simplefilter("ignore")
        row = _busters().bust([mol]).iloc[0].to_dict()
    made = {name: bool(row[name]) for name in NAMES if row[name] == row[name]}  # not NaN
    return made | {"all": len(made) == len(NAMES) and all(made.values())}


@cache
def _busters() -> Any:
    """One set-up a process, on one thread, the embedding bounded by attempts, which the package does not offer."""
    from posebusters import PoseBusters
    from posebusters.modules import energy_ratio

    def etkdg_with_bound() -> EmbedParameters:
        parameters = ETKDGv3()
        parameters.maxIterations = MOST_ATTEMPTS
        return parameters

    energy_ratio.ETKDGv3 = etkdg_with_bound  # pyright: ignore[reportPrivateImportUsage]
    logging.getLogger("posebusters").setLevel(logging.ERROR)
    busters = PoseBusters(config="mol")
    modules = [module for module in busters.config["modules"] if module.get("chosen_binary_test_output")]
    busters.config["modules"] = modules  # one more embeds all conformers again without a result
    for module in modules:
        if module["function"] == "energy_ratio":
            module["parameters"]["num_threads"] = 1
    return busters
