"""Where bf16 is worth its rounding."""

import torch


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bf16: where asked, or for `auto` where the hardware multiplies it natively."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
