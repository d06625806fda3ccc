"""Where bf16 is worth its rounding."""

import torch

from moldiff.errors import ConfigError

PRECISIONS = ("auto", "bf16", "float32")


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bf16: where requested, or for `auto` where the hardware multiplies it natively.

    Args:
        precision: one of `PRECISIONS`.
        device: to compute on.

    Returns:
        Whether.

    Raises:
        ConfigError: if there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def find_precision(precision: str, device: torch.device) -> str:
    """`bf16` or `float32`; as of `use_bf16`."""
    return "bf16" if use_bf16(precision, device) else "float32"
