"""A generator or a predictor, as the weights are."""

from pathlib import Path
from typing import Any, Literal, overload

import torch

from moldiff.diffusion.denoiser import NetworkFactory
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.format import CONFIG, find_weights, read_json
from moldiff.pretrained.property_predictor import PropertyPredictor

Device = str | torch.device | None


@overload
def from_pretrained(
    name_or_path: Literal["qm9", "qm9-fast", "qm9-latent", "druglike", "druglike-latent"],
    *,
    device: Device = None,
    precision: str = "auto",
) -> MoleculeGenerator: ...


@overload
def from_pretrained(
    name_or_path: Literal["qm9-properties"], *, device: Device = None, precision: str = "auto"
) -> PropertyPredictor: ...


@overload
def from_pretrained(
    name_or_path: str | Path, *, device: Device = None, precision: str = "auto", network: NetworkFactory | None = None
) -> Any: ...


def from_pretrained(
    name_or_path: str | Path, *, device: Device = None, precision: str = "auto", network: NetworkFactory | None = None
) -> Any:
    """Loads weights that ship with the package, by name, or from a bundle's folder.

    Args:
        name_or_path: such as `qm9`, `druglike` or `runs/mine/bundle`.
        device: of a generator, such as `cpu` or `cuda`; by default the GPU if there is one. Predictors use the CPU.
        precision: of a generator: `float32`, `bf16`, or `auto`, which is bf16 where the hardware multiplies it.
        network: class of a generator's network, where it is from outside this package; weights never import code.

    Returns:
        A `MoleculeGenerator`, or a `PropertyPredictor` for the bundle of one.

    Raises:
        ConfigError: if the device or the precision is not available.
        WeightsError: if there are no such weights.
    """
    if read_json(find_weights(name_or_path) / CONFIG).get("format") == "moldiff-predictor":
        return PropertyPredictor.from_pretrained(name_or_path)
    return MoleculeGenerator.from_pretrained(name_or_path, device=device, precision=precision, network=network)
