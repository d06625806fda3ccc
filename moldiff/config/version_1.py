"""The names that settings had in files of version 1: the one mapping through which they are still read."""

from typing import Any

_RUN = {"num_molecules": "num_training_molecules"}
_SAMPLER = {"pos_errors": "x0_std", "atom_lead": "atom_time_exponent", "bond_lead": "bond_time_exponent"}
RENAMED: dict[str, dict[str, str]] = {
    "SamplerConfig": _SAMPLER,
    "TrainingConfig": _RUN
    | {
        "part": "subset",
        "unconditional_share": "condition_dropout",
        "previous_gap": "self_conditioning_gap",
        "gap_start": "self_conditioning_gap_start",
        "atom_lead": "atom_time_exponent",
        "bond_lead": "bond_time_exponent",
        "task_share": "inpainting_probability",
        "task_start": "inpainting_start",
    },
    "DistillationConfig": _RUN | {"likeness_weight": "density_ratio_weight"},
    "PropertyConfig": _RUN | {"part": "subset"},
}
CLASS_CHURN = {"posterior": "resample", "leaping": "corrector_rate", "unmasking": "gumbel_noise"}


def rename_key(kind: str, key: str) -> str:
    """The key of today for one of version 1, as of `--set`; another stays.

    Args:
        kind: name of the class of settings.
        key: with a dot before a key of the sampler.

    Returns:
        The key; `class_churn` is that of the default classes, `posterior`.
    """
    parent, dot, last = key.rpartition(".")
    if dot:
        return f"{parent}.{rename_key('SamplerConfig', last)}" if parent == "sampler" else key
    names = RENAMED.get(kind, {}) | ({"class_churn": CLASS_CHURN["posterior"]} if kind == "SamplerConfig" else {})
    return names.get(key, key)


def from_version_1(kind: str, values: Any) -> Any:
    """Settings in the names of today; what has them already, or is no object, comes back as it is.

    Args:
        kind: name of the class of settings.
        values: as JSON gives them.

    Returns:
        The settings; a key that stands in both names stays, to be refused as unknown.
    """
    if not isinstance(values, dict):
        return values
    names = RENAMED.get(kind, {})
    found = {names[key] if key in names and names[key] not in values else key: value for key, value in values.items()}
    if kind == "SamplerConfig" and "class_churn" in found:
        new = CLASS_CHURN.get(str(found.get("classes", "posterior")), "resample")
        if new not in found:
            found[new] = found.pop("class_churn")
    if kind == "DistillationConfig" and "sampler" in found:
        found["sampler"] = from_version_1("SamplerConfig", found["sampler"])
    if found.get("format_version") == 1:
        found["format_version"] = 2
    return found
