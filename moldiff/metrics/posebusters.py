"""PoseBusters' checks of a molecule by itself; needs the package `posebusters`, of the extra `score`."""

import logging
import warnings
from functools import cache
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.rdDistGeom import EmbedParameters, ETKDGv3

EMBEDDING_SECONDS = 2  # RDKit embeds most in 0.05 s and tries for minutes on some cages that exist


def posebusters(mol: Chem.Mol) -> dict[str, bool]:
    """Whether a molecule passes each check that can be made, and `all` of these.

    Args:
        mol: sanitised, with a conformer and all its hydrogens.

    Returns:
        Truth by the package's names, such as `bond_lengths`; without `internal_energy` where RDKit finds no conformers
        to compare with within `EMBEDDING_SECONDS`.

    Source: Buttenschoen et al. 2024, Chem. Sci. 15, 3130; its configuration `mol`.
    """
    with warnings.catch_warnings(), rdBase.BlockLogs():
        warnings.simplefilter("ignore")
        row = _busters().bust([mol]).iloc[0].to_dict()
    made = {name: bool(value) for name, value in row.items() if value == value}  # not NaN
    return made | {"all": all(made.values())}


@cache
def _busters() -> Any:
    """One set-up a process, on one thread, with a bound on the embedding, which the package does not offer."""
    from posebusters import PoseBusters
    from posebusters.modules import energy_ratio

    def etkdg_with_timeout() -> EmbedParameters:
        parameters = ETKDGv3()
        parameters.timeout = EMBEDDING_SECONDS
        return parameters

    energy_ratio.ETKDGv3 = etkdg_with_timeout  # pyright: ignore[reportPrivateImportUsage]
    logging.getLogger("posebusters").setLevel(logging.ERROR)
    busters = PoseBusters(config="mol")
    modules = [module for module in busters.config["modules"] if module.get("chosen_binary_test_output")]
    busters.config["modules"] = modules  # one more embeds all conformers again without a result
    for module in modules:
        if module["function"] == "energy_ratio":
            module["parameters"]["num_threads"] = 1
    return busters
