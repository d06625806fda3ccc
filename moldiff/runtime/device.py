"""Where to compute."""

import torch

from moldiff.errors import ConfigError


def find_device(name: str | torch.device | None) -> torch.device:
    """The device of a name.

    Args:
        name: `cpu`, `cuda`, or `cuda:1` for one of several GPUs; None is a GPU if there is one.

    Returns:
        The device.

    Raises:
        ConfigError: if there is no such device here; the message says what to type.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        return torch.device("cuda" if count else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:  # torch's own message is a list of all kinds that it was ever built for
        device = None
    if device is not None and (device.type == "cpu" or (device.type == "cuda" and (device.index or 0) < count)):
        return device
    names = ["'cpu'", *["'cuda'"] * (count > 0), *(f"'cuda:{number}'" for number in range(count) if count > 1)]
    here = "torch finds no GPU here" if not count else f"torch finds {count} GPU{'s' * (count > 1)} here"
    raise ConfigError(f"device {str(name)!r}: not available, {here}; use {' or '.join(names)}")
