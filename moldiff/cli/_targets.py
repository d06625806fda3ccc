"""Targets and guidance as they are written on the command line."""

import math
from collections.abc import Sequence

from moldiff.errors import ConfigError


def parse_targets(texts: Sequence[str] | None) -> dict[str, str]:
    """`gap=6.5eV` and the like, by name; the weights know what the values mean."""
    return dict(_split_name("--target", text) for text in texts or ())


def parse_guidance(texts: Sequence[str] | None) -> float | dict[str, float]:
    """One number for all conditions, or `gap=2` for single ones.

    Args:
        texts: as given; None is 1.

    Returns:
        The number, or those by name.

    Raises:
        ConfigError: if one is no number, or numbers with and without a name are mixed.
    """
    if not texts:
        return 1.0
    if len(texts) == 1 and "=" not in texts[0]:
        return _number("--guidance", texts[0])
    return {name: _number("--guidance", value) for name, value in (_split_name("--guidance", text) for text in texts)}


def parse_interval(text: str) -> tuple[float, float]:
    """`0.1-0.8`, two times; anything else is a `ConfigError`."""
    low, dash, high = text.partition("-")
    if not dash:
        raise ConfigError(f"--guidance-interval {text}: expected two times, such as 0.1-0.8")
    return _number("--guidance-interval", low), _number("--guidance-interval", high)


def _split_name(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ConfigError(f"{option} {text}: expected name=value, such as {option} gap=2")
    return name.strip(), value.strip()


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: expected a number") from error
    if not math.isfinite(number):
        raise ConfigError(f"{option} {text}: expected a finite number")
    return number
